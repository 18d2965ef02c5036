//go:build !nodemo && !slim

package eval_test

import (
	"context"
	"fmt"
	"log"
	"os"
	"path/filepath"

	"bitmill/eval"
	"bitmill/eval/infer"
	"bitmill/eval/score"
	"bitmill/formats/checkpoint"
	"bitmill/formats/demo"
)

// A model against itself: the perplexity is its own, the divergence is 0.
func ExampleCompare() {
	dir, err := os.MkdirTemp("", "")
	check(err)
	defer os.RemoveAll(dir)
	files, err := demo.Models()[0].Files()
	check(err)
	for _, f := range files {
		check(os.WriteFile(filepath.Join(dir, f.Name), f.Data, 0o600))
	}

	c, err := checkpoint.Open(dir)
	check(err)
	defer c.Close()
	model, err := infer.Load(c)
	check(err)
	windows, err := eval.Windows(c.Tokenizer, demo.Evaluation, 64, 2)
	check(err)
	pool := infer.NewPool(1)
	defer pool.Close()

	var scores []score.Window
	err = eval.Compare(context.Background(), pool, model, []*infer.Model{model}, windows, eval.Options{
		Scored: func(_ int, s []score.Window) error {
			scores = append(scores, s[1]) // s[0] is the reference's
			return nil
		},
	})
	check(err)
	t := score.Sum(scores, 0)
	fmt.Printf("%d tokens scored, PPL about %.0f, KLD %.4f\n", t.Tokens, t.PPL, t.KLD)
	// Output: 62 tokens scored, PPL about 57, KLD 0.0000
}

func check(err error) {
	if err != nil {
		log.Fatal(err)
	}
}
