package report

import (
	"math"
	"strings"
	"testing"
)

// Grades fall with the divergence, and with the share of equal next tokens where that was measured.
func TestGrades(t *testing.T) {
	for _, x := range []struct {
		kld, top float64
		want     Grade
	}{
		{0, 1, Lossless}, {0.01, 0.96, Lossless}, {0.0101, 0.99, Good}, {0.001, 0.95, Good}, {0.05, 0.9, Good},
		{0.06, 0.95, Noticeable}, {0.01, 0.85, Noticeable}, {0.3, 0.99, Poor}, {0.01, 0.5, Poor}, {0.02, math.NaN(), Good},
	} {
		r := Blank("Q4_K_M")
		r.PPL, r.KLD, r.SameTop = 8, x.kld, x.top
		if g := r.Grade(); g != x.want {
			t.Errorf("KLD %v, same top %v: %v, want %v", x.kld, x.top, g, x.want)
		}
	}
	if r := Blank("Q4_0"); r.Grade() != Ungraded {
		t.Error("a row without a measurement has a grade")
	}
}

// The smallest good file is deployed; where none is good, the smallest that is noticeably changed, or the nearest.
func TestDecide(t *testing.T) {
	model := func(klds ...float64) *Model {
		m := &Model{Name: "m", Source: Blank("BF16")}
		for i, k := range klds {
			r := Blank(string(rune('A' + i)))
			r.PayloadBits, r.FileBytes, r.Weights = int64(100-i), int64(100-i), 10
			r.PPL, r.KLD = 8, k
			m.Artifacts = append(m.Artifacts, r)
		}
		return m
	}
	name := func(r *Row) string {
		if r == nil {
			return "-"
		}
		return r.Format
	}
	for want, m := range map[string]*Model{
		"CDB": model(0.001, 0.005, 0.03, 0.1, 0.5), "A--": model(0.4, 0.5), "B-A": model(0.001, 0.02),
		"B--": model(0.08, 0.15), "A-- ": model(0.001), "---": model(),
	} {
		d := m.decide()
		if got := name(d.Deploy) + name(d.Smaller) + name(d.Safer); got != strings.TrimSpace(want) {
			t.Errorf("%s, want %s", got, want)
		}
	}
}

// Commands are safe to paste whatever a model is called, and links stay below the report.
func TestCardIsSafe(t *testing.T) {
	if got := quoted("a b'; rm -rf ~"); got != `'a b'\''; rm -rf ~'` {
		t.Error(got)
	}
	for in, want := range map[string]string{
		"m/m-Q4.gguf": "./m/m-Q4.gguf", "../x": "", "/etc/passwd": "", "javascript:x": "", "": "",
	} {
		if got := link(in); got != want {
			t.Errorf("%q is linked as %q, want %q", in, got, want)
		}
	}
}
