package lora_test

import (
	"encoding/binary"
	"fmt"
	"log"
	"math"
	"os"
	"path/filepath"

	"bitmill/formats/lora"
	"bitmill/formats/prequant"
	"bitmill/formats/safetensors"
)

// floats are values as F32 stores them.
func floats(values ...float32) (data []byte) {
	for _, v := range values {
		data = binary.LittleEndian.AppendUint32(data, math.Float32bits(v))
	}
	return data
}

// An adapter of rank 1 is merged into a matrix of ones: W + alpha/r B A.
func Example() {
	dir, err := os.MkdirTemp("", "adapter")
	if err != nil {
		log.Fatal(err)
	}
	defer os.RemoveAll(dir)
	header := `{"x.lora_A.weight":{"dtype":"F32","shape":[1,2],"data_offsets":[0,8]},` +
		`"x.lora_B.weight":{"dtype":"F32","shape":[2,1],"data_offsets":[8,16]}}`
	weights := append(binary.LittleEndian.AppendUint64(nil, uint64(len(header))), header...)
	weights = append(weights, floats(1, 2, 10, 100)...)
	for name, data := range map[string][]byte{"adapter_model.safetensors": weights,
		"adapter_config.json": []byte(`{"peft_type": "LORA", "r": 1, "lora_alpha": 2}`)} {
		if err := os.WriteFile(filepath.Join(dir, name), data, 0o644); err != nil {
			log.Fatal(err)
		}
	}
	a, err := lora.Open(dir)
	if err != nil {
		log.Fatal(err)
	}
	defer a.Close()
	model := []prequant.Tensor{{Tensor: safetensors.Tensor{Name: "x.weight", DType: "F32", Shape: []int64{2, 2},
		Data: floats(1, 1, 1, 1)}}}
	if err := a.Merge(model); err != nil {
		log.Fatal(err)
	}
	rows := make([]float32, 4)
	model[0].Matrix.Rows(rows, 0, 2)
	fmt.Println(rows)
	// Output: [21 41 201 401]
}
