//go:build !nodemo && !slim

package quantize_test

import (
	"context"
	"fmt"
	"log"
	"os"
	"path/filepath"

	"bitmill/formats/checkpoint"
	"bitmill/formats/demo"
	"bitmill/quantize"
)

// Two artifacts are planned, which tells their size, and written in one pass over the source.
func Example() {
	dir, err := os.MkdirTemp("", "")
	check(err)
	defer os.RemoveAll(dir)
	c := openDemo(dir)
	defer c.Close()

	var artifacts []quantize.Artifact
	for _, format := range []string{"Q4_K_M", "Q8_0"} {
		p, err := quantize.NewPlan(c, nil, quantize.Options{Format: format})
		check(err)
		artifacts = append(artifacts, quantize.Artifact{Plan: p, Path: filepath.Join(dir, format+".gguf")})
	}
	written, err := quantize.Write(context.Background(), c, nil, artifacts, quantize.WriteOptions{})
	check(err)
	for i, w := range written {
		p := artifacts[i].Plan
		fmt.Println(p.Format.Name, p.BPW(), "bits per weight, as large as planned:", w.Bytes == p.FileBytes)
	}
	// Output:
	// Q4_K_M 5.2875 bits per weight, as large as planned: true
	// Q8_0 8.5124 bits per weight, as large as planned: true
}

// openDemo opens a demo model whose files it writes to dir.
func openDemo(dir string) *checkpoint.Checkpoint {
	files, err := demo.Models()[0].Files()
	check(err)
	for _, f := range files {
		check(os.WriteFile(filepath.Join(dir, f.Name), f.Data, 0o600))
	}
	c, err := checkpoint.Open(dir)
	check(err)
	return c
}

func check(err error) {
	if err != nil {
		log.Fatal(err)
	}
}
