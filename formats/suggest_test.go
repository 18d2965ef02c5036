package formats

import "testing"

// TestSuggest: near misses find their word, anything else finds none.
func TestSuggest(t *testing.T) {
	commands := []string{"run", "plan", "convert", "calibrate", "quantize", "eval", "bench", "threshold", "check",
		"recommend", "batch", "inspect", "diff", "verify", "split", "merge", "tokenize", "generate", "logits"}
	types := []string{"Q4_0", "Q4_K", "Q4_K_M", "Q5_K_M", "Q8_0", "I8"}
	for _, tt := range []struct {
		names       []string
		given, want string
	}{
		{commands, "quantise", "quantize"}, {commands, "evla", "eval"}, {commands, "quant", "quantize"},
		{commands, "Plan", "plan"}, {commands, "rnu", "run"}, {commands, "callibrate", "calibrate"},
		{commands, "formats", ""}, {commands, "serve", ""}, {commands, "list", ""}, {commands, "train", ""},
		{commands, "x", ""}, {commands, "", ""}, {commands, "nothing", ""}, {nil, "run", ""},
		{types, "q4km", "Q4_K_M"}, {types, "Q4K_", "Q4_K"}, {types, "Q8_O", "Q8_0"}, {types, "Q9_9", ""}, {types, "zz", ""},
	} {
		want := ""
		if tt.want != "" {
			want = "; did you mean " + tt.want + "?"
		}
		if got := Suggest(tt.given, tt.names); got != want {
			t.Errorf("%q: %q, want %q", tt.given, got, want)
		}
	}
}
