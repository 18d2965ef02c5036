package report

import "testing"

// TestBadge: what more windows may decide otherwise is kept so far; what is not kept stays so.
func TestBadge(t *testing.T) {
	for _, c := range []struct {
		v    Verdict
		want string
	}{
		{Verdict{Passed: true, Findings: []Finding{{}, {}}}, "budget kept"},
		{Verdict{Passed: true, Findings: []Finding{{}, {Undecided: true}}}, "budget kept so far"},
		{Verdict{Findings: []Finding{{Failed: true}, {Undecided: true}}}, "budget not kept"},
	} {
		if got := c.v.badge(); got != c.want {
			t.Errorf("%+v: %s, not %s", c.v, got, c.want)
		}
	}
}
