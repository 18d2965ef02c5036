package report

import (
	"math"
	"strings"
	"testing"

	"bitmill/eval/score"
)

// TestClaims: memory was made to grow by 8 MB a bit for the larger model and time by 0.08 ms; energy has two formats.
func TestClaims(t *testing.T) {
	r := oddReport()
	got := map[string]Claim{}
	for _, c := range r.Models[0].Claims() {
		got[c.Resource] = c
	}
	for name, slope := range map[string]float64{"peak memory": 8, "time per generated token": .08, "time per token of a prompt": .08} {
		c := got[name]
		if math.Abs(c.Slope-slope) > slope/100 || c.R2 < .999 || len(c.Costs) != 4 || c.Reason != "" {
			t.Errorf("%s: %+v", name, c)
		}
	}
	if c := got["energy per generated token"]; c.Slope != 0 || !strings.Contains(c.Reason, "2 formats are too few") || len(c.Costs) != 2 {
		t.Errorf("%+v", c)
	}
	if c := got["energy per token of a prompt"]; math.Abs(c.Costs[0].Value-11*c.Costs[0].BPW) > 1e-9 { // 10 of the package, 1 of the memory
		t.Errorf("%+v", c)
	}
	if n := len(demoReport(t).Models[0].Claims()); n != 0 {
		t.Errorf("%d claims from a report without resources", n)
	}
}

func TestTensorGrid(t *testing.T) {
	m := &Model{TensorNames: []string{"output.weight", "blk.1.ffn_up.weight", "blk.0.attn_q.weight", "blk.1.attn_q.weight"}, Artifacts: []Row{
		{Format: "A", PayloadBits: 2, TensorErrors: score.Series{.4, .1, .2, math.NaN()}}, {Format: "B", PayloadBits: 1, TensorErrors: score.Series{.1, .2, .3, .4}}, {Format: "none"}}}
	g := m.grid()
	if len(g.rows) != 2 || g.layers != 2 || strings.Join(g.roles, " ") != "attn_q ffn_up output" || strings.Join(g.inner, " ") != "attn_q ffn_up" {
		t.Fatalf("%+v", g)
	}
	rows := g.byRole().Rows
	want := [][]string{{"attn_q", "0.200", "0.350"}, {"ffn_up", "0.100", "0.200"}, {"output", "0.400", "0.100"}, {"all", "0.233", "0.250"}}
	for i := range want {
		if strings.Join(rows[i], " ") != strings.Join(want[i], " ") {
			t.Errorf("%q, not %q", rows[i], want[i])
		}
	}
	rows = g.byLayer().Rows
	if strings.Join(rows[0], " ") != "0 0.200 0.300" || strings.Join(rows[1], " ") != "1 0.100 0.300" {
		t.Errorf("%q", rows)
	}
	if s := g.scale(); s.low != .1 || s.high != .4 || s.level(.1) != 0 || s.level(.4) != heatLevels-1 || s.level(.2) != heatLevels/2 {
		t.Errorf("%+v: %d %d %d", s, s.level(.1), s.level(.2), s.level(.4))
	}
	if (&Model{}).grid() != nil {
		t.Error("a grid of nothing")
	}
}
