package feedback_test

import (
	"bytes"
	"context"
	"testing"

	"bitmill/eval/infer"
	"bitmill/quantize/feedback"
)

// Artifacts of one run are those of a run for each, though formats with the same type of embedding have one choice of
// it.
func TestRunTogether(t *testing.T) {
	examples := []*example{newExample(t, "granite-tied", "Q3_K_S"), newExample(t, "granite-tied", "Q4_K_S"),
		newExample(t, "granite-tied", "Q8_0")}
	var list []feedback.Artifact
	together := make([]map[string][]byte, len(examples))
	for i, x := range examples {
		together[i] = map[string][]byte{}
		list = append(list, feedback.Artifact{Checkpoint: x.encoded, Have: func(string, int) []byte { return nil },
			Store: func(c feedback.Choice) error {
				together[i][part(c.Name, c.Expert)] = bytes.Clone(c.Data)
				return nil
			}})
	}
	pool := infer.NewPool(2)
	defer pool.Close()
	x := examples[0]
	if err := feedback.Run(context.Background(), pool, x.source, x.windows, list, feedback.Options{}); err != nil {
		t.Fatal(err)
	}
	embedding := part("token_embd.weight", 0)
	if !bytes.Equal(together[0][embedding], together[1][embedding]) || together[0][embedding] == nil {
		t.Error("the formats have no embedding in common")
	}
	for i, x := range examples {
		x.source, x.windows = examples[0].source, examples[0].windows
		alone := x.run(t, 2, nil)
		if len(alone) != len(together[i]) {
			t.Errorf("example %d: %d matrices together, %d alone", i, len(together[i]), len(alone))
		}
		for name, data := range alone {
			if !bytes.Equal(together[i][name], data) {
				t.Errorf("example %d: %s has other data beside other formats", i, name)
			}
		}
	}
}
