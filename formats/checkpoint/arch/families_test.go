package arch

import (
	"reflect"
	"strings"
	"testing"
)

func TestFamiliesSorted(t *testing.T) {
	for i, f := range families {
		if i > 0 && families[i-1].Type > f.Type {
			t.Errorf("%s stands after %s", f.Type, families[i-1].Type)
		}
		if f.Context == 0 || len(f.Layer) < 6 {
			t.Errorf("%s is incomplete", f.Type)
		}
	}
}

// Each key of config.json has one field: a second one would stay empty.
func TestKeysOnce(t *testing.T) {
	seen := map[string]string{}
	for _, f := range reflect.VisibleFields(reflect.TypeFor[HFConfig]()) {
		key, _, _ := strings.Cut(f.Tag.Get("json"), ",")
		if key == "" || key == "-" {
			continue
		}
		if other, ok := seen[key]; ok {
			t.Errorf("%s and %s are both %s", other, f.Name, key)
		}
		seen[key] = f.Name
	}
}
