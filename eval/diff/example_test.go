package diff_test

import (
	"bytes"
	"context"
	"encoding/binary"
	"fmt"
	"log"
	"os"
	"path/filepath"

	"bitmill/eval/diff"
	"bitmill/formats"
	"bitmill/formats/checkpoint"
	"bitmill/formats/gguf"
)

// model writes a model of one tensor and opens it.
func model(path string, values ...float32) *checkpoint.Checkpoint {
	m := &gguf.Metadata{}
	m.Set("general.architecture", "other")
	tensors := []formats.Tensor{{Name: "a.weight", Type: formats.F32, Shape: []int64{int64(len(values))}}}
	var b bytes.Buffer
	err := gguf.Write(&b, m, tensors, func(int) ([]byte, error) { return binary.Append(nil, binary.LittleEndian, values) })
	if err != nil {
		log.Fatal(err)
	}
	if err := os.WriteFile(path, b.Bytes(), 0o644); err != nil {
		log.Fatal(err)
	}
	c, err := checkpoint.Open(path)
	if err != nil {
		log.Fatal(err)
	}
	return c
}

func Example() {
	dir, err := os.MkdirTemp("", "example")
	if err != nil {
		log.Fatal(err)
	}
	defer os.RemoveAll(dir)
	a, b := model(filepath.Join(dir, "a.gguf"), 3, 4), model(filepath.Join(dir, "b.gguf"), 3, 4.5)
	defer a.Close()
	defer b.Close()
	d, err := diff.Models(context.Background(), a, b, checkpoint.Pass{})
	if err != nil {
		log.Fatal(err)
	}
	for _, t := range d.TensorsDiffer {
		fmt.Printf("%s: %d value differs, by %v; relative error %.2f\n", t.Name, t.Value.Differing, t.Value.MaxAbs, t.Value.Relative)
	}
	// Output: a.weight: 1 value differs, by 0.5; relative error 0.10
}
