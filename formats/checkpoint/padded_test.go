package checkpoint

import (
	"slices"
	"strings"
	"testing"

	"bitmill/formats/checkpoint/checkpointtest"
)

// The second embedding of Gemma 3n may have fewer rows than the first: zeros follow.
func TestMissingRowsAreZeros(t *testing.T) {
	const name, rows = "per_layer_token_embd.weight", 1000
	edit := strings.NewReplacer(`"vocab_size_per_layer_input": 1024`, `"vocab_size_per_layer_input": 1000`)
	want, _ := open(t, checkpointtest.Load(t, "gemma3n").Folder(t)).Tensor(name)
	c := open(t, caseFolder(t, "gemma3n", edit, func(r []checkpointtest.Raw) []checkpointtest.Raw {
		at := slices.IndexFunc(r, func(x checkpointtest.Raw) bool { return x.Name == "model.embed_tokens_per_layer.weight" })
		r[at].Data, r[at].Shape = r[at].Data[:len(r[at].Data)/1024*rows], []int64{rows, r[at].Shape[1]}
		return r
	}))
	got, _ := c.Tensor(name)
	if !slices.Equal(got.Shape, want.Shape) {
		t.Fatalf("shape %v, want %v", got.Shape, want.Shape)
	}
	values, expected := make([]float32, got.Elements()), make([]float32, got.Elements())
	for _, err := range []error{got.Floats(values, 0, got.Rows()), want.Floats(expected, 0, want.Rows())} {
		if err != nil {
			t.Fatal(err)
		}
	}
	clear(expected[rows*got.Cols():])
	if !slices.Equal(values, expected) {
		t.Error("other values")
	}
}
