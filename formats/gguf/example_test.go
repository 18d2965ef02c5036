package gguf_test

import (
	"bytes"
	"fmt"
	"log"

	"bitmill/formats"
	"bitmill/formats/gguf"
)

func Example() {
	m := &gguf.Metadata{}
	m.Set("general.architecture", "llama")
	m.Set("llama.block_count", uint32(2))
	tensors := []formats.Tensor{{Name: "output_norm.weight", Type: formats.F32, Shape: []int64{2}}}
	var b bytes.Buffer
	err := gguf.Write(&b, m, tensors, func(int) ([]byte, error) { return []byte{0, 0, 128, 63, 0, 0, 0, 64}, nil })
	if err != nil {
		log.Fatal(err)
	}
	f, err := gguf.Parse("example.gguf", b.Bytes())
	if err != nil {
		log.Fatal(err)
	}
	layers, _, err := f.Metadata.Uint("llama.block_count")
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(b.Len(), "bytes,", layers, "layers")
	for _, t := range f.Tensors {
		fmt.Println(t.Name, t.Type, t.Shape, "at", t.Offset, "bytes", len(t.Data))
	}
	// Output:
	// 192 bytes, 2 layers
	// output_norm.weight F32 [2] at 160 bytes 8
}
