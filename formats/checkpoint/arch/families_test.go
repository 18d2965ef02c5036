package arch

import "testing"

func TestFamiliesSorted(t *testing.T) {
	for i, f := range families {
		if i > 0 && families[i-1].Type >= f.Type {
			t.Errorf("%s stands after %s", f.Type, families[i-1].Type)
		}
		if f.Context == 0 || len(f.Layer) < 6 {
			t.Errorf("%s is incomplete", f.Type)
		}
	}
}
