package eval

import (
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"
	"math/rand/v2"

	"bitmill/eval/sequential"
	"bitmill/formats/tokenizer"
)

// ErrShortText marks a text with fewer tokens than one window.
var ErrShortText = errors.New("the text is too short")

// DefaultContext is llama-perplexity's window.
const DefaultContext = 512

// LeastContext is the shortest window: its second half must hold a token that is scored.
const LeastContext = 4

// Windows cuts a text into windows of context tokens as llama.cpp's tools do: the text is tokenized once (with BOS when
// the vocabulary adds one), cut into whole windows, the rest dropped, and the first token of every window replaced by
// BOS when the vocabulary adds one. limit caps the number of windows, which llama.cpp calls chunks (hence the flag
// --chunks); 0 means all.
func Windows(t *tokenizer.Tokenizer, text string, context, limit int) ([][]int32, error) {
	if context == 0 {
		context = DefaultContext
	}
	if context < LeastContext {
		return nil, fmt.Errorf("a context of %d tokens is too short: the second half of each window is scored, "+
			"so at least %d are needed", context, LeastContext)
	}
	tokens := t.Encode(text, tokenizer.Options{})
	n := len(tokens) / context
	if n == 0 {
		return nil, fmt.Errorf("%w: it has %d tokens, one window needs %d; give a longer text or a smaller --ctx",
			ErrShortText, len(tokens), context)
	}
	if limit > 0 {
		n = min(n, limit)
	}
	windows := make([][]int32, n)
	for i := range windows {
		windows[i] = tokens[i*context : (i+1)*context : (i+1)*context]
		if t.AddBOS && t.BOS >= 0 {
			windows[i][0] = t.BOS
		}
	}
	return windows, nil
}

// ScoredBytes are the lengths in bytes of the text that the scored tokens of each window spell.
func ScoredBytes(t *tokenizer.Tokenizer, windows [][]int32) []int {
	bytes := make([]int, len(windows))
	var piece []byte
	for i, w := range windows {
		for _, id := range w[len(w)/2+1:] {
			piece = t.AppendPiece(piece[:0], id)
			bytes[i] += len(piece)
		}
	}
	return bytes
}

// Order is the order in which the windows of a text are taken when it need not be read whole: a random one, spread over
// the text, that is a function of their tokens and the seed.
func Order(windows [][]int32, seed uint64) []int {
	h := sha256.New()
	for _, w := range windows {
		binary.Write(h, binary.LittleEndian, w)
	}
	rng := rand.New(rand.NewPCG(seed, binary.LittleEndian.Uint64(h.Sum(nil))))
	return sequential.Order(len(windows), rng)
}
