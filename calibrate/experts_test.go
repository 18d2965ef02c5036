package calibrate

import (
	"strings"
	"testing"

	"bitmill/eval/infer"
	"bitmill/formats/checkpoint"
	"bitmill/formats/checkpoint/checkpointtest"
)

// TestExperts: every token counts for the experts it is routed to; the sums of gate and up over all experts are those
// of the router's input, once for each expert used; experts without tokens have the mean of the others.
func TestExperts(t *testing.T) {
	for _, name := range []string{"qwen3-moe", "mixtral", "gpt-oss"} {
		c := checkpointtest.Load(t, name)
		ck, err := checkpoint.Open(c.Folder(t))
		if err != nil {
			t.Fatal(err)
		}
		defer ck.Close()
		m, err := infer.Load(ck)
		if err != nil {
			t.Fatal(err)
		}
		out := run(t, m, [][]int32{c.Tokens[:24], c.Tokens[24:]}, 2, Options{})
		for _, layer := range []string{"blk.0.", "blk.1."} {
			router, ok := out.Entry(layer + "ffn_gate_inp.weight")
			if !ok || router.Counts[0] != 48 {
				t.Fatalf("%s: the router's input is missing", name)
			}
			for _, part := range []string{"gate", "up", "down"} {
				e, ok := out.Entry(layer + "ffn_" + part + "_exps.weight")
				if !ok || len(e.Counts) != 4 {
					t.Fatalf("%s: ffn_%s_exps: %v", name, part, e)
				}
				total := float32(0)
				for _, n := range e.Counts {
					total += n
				}
				if total != 2*48 {
					t.Errorf("%s: %s sees %v tokens, want two experts for each of 48", name, e.Name, total)
				}
				for j, want := range router.SumSquares {
					sum := float32(0)
					for x := range e.Counts {
						sum += e.SumSquares[x*e.Cols()+j]
					}
					if part != "down" && !(sum > 1.999*want && sum < 2.001*want) {
						t.Fatalf("%s: %s column %d: %v, want twice %v", name, e.Name, j, sum, want)
					}
				}
			}
		}
		one := run(t, m, [][]int32{c.Tokens[:1]}, 1, Options{}) // one token leaves two of four experts unseen
		for _, e := range one.Coverage() {
			if experts := strings.Contains(e.Name, "_exps"); experts != (e.Unseen == 2) {
				t.Errorf("%s: %s: %d unseen", name, e.Name, e.Unseen)
			}
		}
		for _, e := range one.Entries {
			for x, n := range e.Counts {
				if n != 1 || e.SumSquares[x*e.Cols()] == 0 && !strings.Contains(e.Name, "down") {
					t.Errorf("%s: %s matrix %d: count %v, sum %v", name, e.Name, x, n, e.SumSquares[x*e.Cols()])
				}
			}
		}
	}
}
