package checkpoint

import (
	"slices"
	"testing"

	"bitmill/formats/checkpoint/checkpointtest"
)

// Gemma 4's unified model names tokens that are never to be generated; of other models they are not written.
func TestSuppressedTokens(t *testing.T) {
	for name, want := range map[string][]int32{"gemma4-unified-wrapped": {3, 1000}, "gemma4": nil} {
		dir := checkpointtest.Load(t, name).FolderWithTokenizer(t)
		checkpointtest.WriteFile(t, dir, "generation_config.json", []byte(`{"suppress_tokens": [3, 1000], "top_k": 64}`))
		c := open(t, dir)
		v, _ := c.Metadata.Get("tokenizer.ggml.suppress_tokens")
		if got, _ := v.([]int32); !slices.Equal(got, want) {
			t.Errorf("%s: %v, want %v", name, v, want)
		}
	}
}
