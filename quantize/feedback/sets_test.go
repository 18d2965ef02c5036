package feedback_test

import (
	"bytes"
	"testing"

	"bitmill/eval/infer"
	"bitmill/eval/kernel"
	"bitmill/formats/checkpoint/checkpointtest"
)

// The data are the same with all sets of kernels: with every kind of mixer, with few tokens for an expert, with types of
// all kinds. Plain Go is slow, and runs for the first model.
func TestRunOnAllSets(t *testing.T) {
	type model struct{ name, format string }
	models := []model{{"granite-tied", "Q3_K_M"}, {"qwen3-moe", "Q4_K_S"}, {"deepseek-v2", "Q2_K"},
		{"granite-hybrid-moe", "Q5_0"}, {"qwen3-next", "IQ4_NL"}, {"lfm2", "Q6_K"}, {"gemma3", "IQ3_S"}, {"cohere", "Q8_0"}}
	if *everything {
		models = models[:1]
		for _, name := range checkpointtest.Names() {
			if name >= *from {
				models = append(models, model{name, "Q4_0"})
			}
		}
	}
	sets := kernel.Available()
	for _, m := range models {
		x := newExample(t, m.name, m.format)
		if full, err := infer.Load(x.source); err != nil || full.Cut(0) != nil { // see TestEverything
			continue
		}
		x.windows, x.sweeps = x.windows[:4], 1
		var want map[string][]byte
		for _, set := range sets {
			x.kernel = set
			got, other := x.run(t, 2, nil), 0
			for name, data := range want {
				if !bytes.Equal(got[name], data) {
					other++
				}
			}
			if want != nil && (other > 0 || len(got) != len(want)) {
				t.Errorf("%s in %s: with %s %d of %d matrices have other data", m.name, m.format, set.Name, other, len(want))
			}
			want = got
		}
		if len(sets) > 1 && sets[0] == kernel.Available()[0] {
			sets = sets[1:]
		}
	}
}
