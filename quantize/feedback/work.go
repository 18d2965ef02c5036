package feedback

import (
	"fmt"
	"strings"

	"bitmill/formats"
	"bitmill/formats/checkpoint"
)

// Work is about what Run computes besides running the models, for one artifact: a forecast needs no more.
type Work struct {
	Moments float64 // products of two activations, in 8 bits
	Solving float64 // products of two numbers of the solver, in float32
	Values  float64 // that are searched
	Logits  int     // tokens of which the full model makes them, once for all artifacts
}

// WorkOf counts what the matrices of an artifact's layers, and a tied embedding, take with so many tokens.
func WorkOf(c *checkpoint.Checkpoint, tokens int) (w Work) {
	if c.Config.Tied {
		w.Logits = min(tokens, sampleTokens)
	}
	sites := map[string]bool{}
	for i := range c.Tensors {
		t := &c.Tensors[i]
		layer, embedding := formats.LayerOf(t.Name), c.Config.Tied && t.Name == embeddingName
		if layer < 0 && !embedding || len(t.Shape) < 2 || t.Rows() < 2 {
			continue
		}
		rows, cols := float64(t.Rows()), float64(t.Cols())
		w.Values += rows * cols
		w.Solving += solvingProducts*rows*cols*cols + heldProducts*rows*cols*float64(min(tokens/HeldBack, checkTokens))
		if embedding {
			continue
		}
		if site := siteOf(layer, t.Name); !sites[site] {
			sites[site] = true
			w.Moments += float64(tokens) * cols * (cols/2 + min(rows, cols)) // half of H, and what the outputs miss
			w.Solving += rootProducts * cols * cols * cols * float64(t.Matrices())
		}
	}
	return w
}

// What a matrix [rows][cols] takes in products: rows·cols² for the correction, the feedback and each sweep of the
// descent, rows·cols for each token that is held back, cols³ for the root of the moments.
const (
	solvingProducts = 5
	heldProducts    = 4
	rootProducts    = 0.5
)

// siteOf names the input of a matrix of a layer: some share it.
func siteOf(layer int, name string) string {
	part := strings.SplitN(name, ".", 3)[2]
	for _, group := range [][]string{{"attn_q.", "attn_k.", "attn_v.", "attn_qkv."}, {"ffn_gate", "ffn_up"}} {
		for _, p := range group {
			if strings.HasPrefix(part, p) {
				part = group[0]
			}
		}
	}
	return fmt.Sprint(layer, part)
}
