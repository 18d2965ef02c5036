package eval

import (
	"errors"
	"slices"
	"strings"
	"testing"

	"bitmill/formats/checkpoint"
	"bitmill/formats/checkpoint/checkpointtest"
	"bitmill/formats/tokenizer"
)

// TestWindows: whole windows of the text's tokens, each with BOS in place of its first token.
func TestWindows(t *testing.T) {
	c, err := checkpoint.Open(checkpointtest.Load(t, "llama").FolderWithTokenizer(t))
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	tok := c.Tokenizer
	text := strings.Repeat("Whole windows,\r\nsaid the miller\x00 \xff and 1234567 more. <|begin_of_text|> ", 9)
	all := tok.Encode(text, tokenizer.Options{})
	if !tok.AddBOS || all[0] != tok.BOS {
		t.Fatalf("the tokenizer of the cases adds no BOS")
	}
	for _, context := range []int{4, 7, 32} {
		windows, err := Windows(tok, text, context, 0)
		if err != nil || len(windows) != len(all)/context {
			t.Fatalf("context %d: %d windows, %v; the text has %d tokens", context, len(windows), err, len(all))
		}
		for i, w := range windows {
			if len(w) != context || w[0] != tok.BOS || !slices.Equal(w[1:], all[i*context+1:(i+1)*context]) {
				t.Errorf("context %d: window %d is %v", context, i, w)
			}
		}
		if few, _ := Windows(tok, text, context, 2); len(few) != 2 {
			t.Errorf("%d windows, limit 2", len(few))
		}
	}
	plain := *tok
	plain.AddBOS = false
	windows, err := Windows(&plain, text, 8, 0)
	if err != nil || windows[0][0] == tok.BOS || !slices.Equal(slices.Concat(windows...)[:16], all[1:17]) {
		t.Errorf("without BOS: %v, %v", windows, err)
	}
	if _, err := Windows(tok, "short", 0, 0); !errors.Is(err, ErrShortText) || !strings.Contains(err.Error(), "512") {
		t.Error(err)
	}
	if _, err := Windows(tok, text, LeastContext-1, 0); err == nil {
		t.Error("windows without a token to score")
	}
}

// TestOrder: the order of the windows is a permutation that depends on their tokens and the seed.
func TestOrder(t *testing.T) {
	windows := [][]int32{{1, 2}, {3, 4}, {5, 6}, {7, 8}, {9, 10}}
	first := Order(windows, 1)
	if sorted := slices.Sorted(slices.Values(first)); !slices.Equal(sorted, []int{0, 1, 2, 3, 4}) {
		t.Errorf("%v is not a permutation", first)
	}
	if !slices.Equal(first, Order(windows, 1)) {
		t.Errorf("%v, then %v", first, Order(windows, 1))
	}
	other := slices.Clone(windows)
	other[4] = []int32{9, 11}
	if slices.Equal(first, Order(windows, 2)) && slices.Equal(first, Order(other, 1)) {
		t.Error("neither the seed nor the text matters")
	}
}
