package quantize

import (
	"strings"
	"testing"

	"bitmill/formats/imatrix"
)

func TestSelectWeights(t *testing.T) {
	m := &imatrix.Matrix{Windows: 3}
	for _, n := range []string{"blk.0.attn_q.weight", "blk.0.ffn_down.weight", "blk.1.attn_q.weight", "output.weight"} {
		m.Entries = append(m.Entries, imatrix.Entry{Name: n})
	}
	for _, tt := range []struct{ include, exclude, want string }{
		{"", "", "blk.0.attn_q.weight blk.0.ffn_down.weight blk.1.attn_q.weight output.weight"},
		{"attn_q", "", "blk.0.attn_q.weight blk.1.attn_q.weight"},
		{"blk.1 output", "", "blk.1.attn_q.weight output.weight"},
		{"", "blk.0 output", "blk.1.attn_q.weight"},
		{"none", "", `error "none"`},
		{"attn_q none", "", `error "none"`},
		{"", "none", `error "none"`},
		{"", "weight", "error every entry"},
		{"attn_q", "ffn", "error not both"},
	} {
		got, err := SelectWeights(m, strings.Fields(tt.include), strings.Fields(tt.exclude))
		if want, fails := strings.CutPrefix(tt.want, "error "); fails {
			if err == nil || !strings.Contains(err.Error(), want) {
				t.Errorf("%+v: %v", tt, err)
			}
			continue
		}
		if err != nil {
			t.Errorf("%+v: %v", tt, err)
			continue
		}
		var names []string
		for _, e := range got.Entries {
			names = append(names, e.Name)
		}
		if strings.Join(names, " ") != tt.want || got.Windows != 3 {
			t.Errorf("%+v: %v", tt, names)
		}
	}
	if len(m.Entries) != 4 {
		t.Error("the matrix given was changed")
	}
	if _, err := SelectWeights(nil, []string{"attn"}, nil); err == nil {
		t.Error("weights were chosen from no matrix")
	}
}
