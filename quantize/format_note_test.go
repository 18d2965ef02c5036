package quantize

import "testing"

// Every format says what it is for, and what an imatrix is to it.
func TestNotes(t *testing.T) {
	want := map[string]string{"Q8_0": ImatrixUnused, "Q4_K_M": ImatrixHelps, "Q2_K": ImatrixHelps, "Q2_K_S": ImatrixNeeded,
		"IQ2_XS": ImatrixNeeded, "IQ1_S": ImatrixNeeded, "TQ1_0": ImatrixUnused, "IQ4_XS": ImatrixHelps}
	for i := range Formats() {
		f := &Formats()[i]
		if n := f.Note(); n.Use == "" || n.Text == "" {
			t.Errorf("%s does not say what it is for", f.Name)
		}
		if w, ok := want[f.Name]; ok && f.Imatrix() != w {
			t.Errorf("%s: an imatrix is %s, want %s", f.Name, f.Imatrix(), w)
		}
		if b := f.Bits(); b < 1 || b > 32 {
			t.Errorf("%s has %v bits", f.Name, b)
		}
	}
}
