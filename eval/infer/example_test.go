//go:build !nodemo && !slim

package infer_test

import (
	"fmt"
	"log"
	"os"
	"path/filepath"

	"bitmill/eval/infer"
	"bitmill/formats/checkpoint"
	"bitmill/formats/demo"
	"bitmill/formats/tokenizer"
)

// A prompt runs at once and fills the sequence's cache; each further token is one pass.
func Example() {
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

	pool := infer.NewPool(2)
	defer pool.Close()
	runner := infer.NewRunner(pool, infer.Options{})
	text := "He looked at the"
	next := c.Tokenizer.Encode(text, tokenizer.Options{})
	cache := model.NewCache(len(next) + 8)
	for range 8 {
		logits, err := runner.Forward(model, []infer.Sequence{{Tokens: next, Cache: cache, LogitsFrom: len(next) - 1}})
		check(err)
		next = []int32{infer.Argmax(logits)}
		text += string(c.Tokenizer.Decode(next))
	}
	fmt.Printf("%s\n%d KiB of keys and values\n", text, cache.Bytes()>>10)
	// Output:
	// He looked at the man, and he saw the man who
	// 48 KiB of keys and values
}

func check(err error) {
	if err != nil {
		log.Fatal(err)
	}
}
