package safetensors_test

import (
	"encoding/binary"
	"fmt"
	"log"

	"bitmill/formats/safetensors"
)

func Example() {
	header := `{"norm.weight":{"dtype":"BF16","shape":[2],"data_offsets":[0,4]}}`
	data := binary.LittleEndian.AppendUint64(nil, uint64(len(header)))
	data = append(append(data, header...), 0x80, 0x3f, 0x00, 0x40)
	f, err := safetensors.Parse("model.safetensors", data)
	if err != nil {
		log.Fatal(err)
	}
	for _, t := range f.Tensors {
		fmt.Println(t.Name, t.DType, t.Shape, len(t.Data), "bytes")
	}
	// Output: norm.weight BF16 [2] 4 bytes
}
