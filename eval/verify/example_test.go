package verify_test

import (
	"bytes"
	"context"
	"fmt"
	"log"
	"os"
	"path/filepath"

	"bitmill/eval/verify"
	"bitmill/formats"
	"bitmill/formats/checkpoint"
	"bitmill/formats/gguf"
)

func Example() {
	dir, err := os.MkdirTemp("", "example")
	if err != nil {
		log.Fatal(err)
	}
	defer os.RemoveAll(dir)
	m := &gguf.Metadata{}
	m.Set("general.architecture", "other")
	tensors := []formats.Tensor{{Name: "a.weight", Type: formats.BF16, Shape: []int64{2}}}
	var b bytes.Buffer
	err = gguf.Write(&b, m, tensors, func(int) ([]byte, error) { return []byte{0x80, 0x3f, 0xc0, 0x7f}, nil }) // 1 and NaN
	if err != nil {
		log.Fatal(err)
	}
	path := filepath.Join(dir, "model.gguf")
	if err := os.WriteFile(path, b.Bytes(), 0o644); err != nil {
		log.Fatal(err)
	}
	c, err := checkpoint.Open(path)
	if err != nil {
		log.Fatal(err)
	}
	defer c.Close()
	r, err := verify.Model(context.Background(), c, verify.Options{})
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(r.Problems[0])
	// Output: tensor a.weight: the value in row 0, column 1 is NaN or infinite; 1 of 2 values are
}
