package modelcard_test

import (
	"fmt"

	"bitmill/formats/gguf"
	"bitmill/formats/modelcard"
)

func Example() {
	info := modelcard.FromNames("meta-llama/Llama-3.1-8B-Instruct", "folder", modelcard.Size{Total: 8_030_261_312})
	m := new(gguf.Metadata)
	info.AddTo(m)
	for _, key := range m.Keys() {
		v, _ := m.Get(key)
		fmt.Println(key, "=", v)
	}
	// Output:
	// general.name = Llama 3.1 8B Instruct
	// general.organization = Meta Llama
	// general.finetune = Instruct
	// general.basename = Llama-3.1
	// general.size_label = 8B
}
