//go:build !nodemo && !slim

package calibrate_test

import (
	"context"
	"fmt"
	"log"
	"os"
	"path/filepath"

	"bitmill/calibrate"
	"bitmill/eval"
	"bitmill/eval/infer"
	"bitmill/formats/checkpoint"
	"bitmill/formats/demo"
)

// Two windows of text give each matrix of the layers the sums of its input columns over 128 tokens.
func ExampleRun() {
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
	windows, err := eval.Windows(c.Tokenizer, demo.Calibration, 64, 2)
	check(err)

	pool := infer.NewPool(2)
	defer pool.Close()
	m, err := calibrate.Run(context.Background(), pool, model, windows, calibrate.Options{Dataset: "calibration.txt"})
	check(err)
	down, _ := m.Entry("blk.0.ffn_down.weight")
	fmt.Printf("%d matrices over %d windows of %d tokens\n", len(m.Entries), m.Windows, m.WindowSize)
	fmt.Printf("%s: %d columns, %v tokens\n", down.Name, down.Cols(), down.Counts[0])
	// Output:
	// 21 matrices over 2 windows of 64 tokens
	// blk.0.ffn_down.weight: 768 columns, 128 tokens
}

func check(err error) {
	if err != nil {
		log.Fatal(err)
	}
}
