package arch_test

import (
	"fmt"
	"log"

	"bitmill/formats/checkpoint/arch"
)

func Example() {
	h, err := arch.ParseHF([]byte(`{"model_type": "mixtral", "hidden_size": 64, "intermediate_size": 128, "num_hidden_layers": 1,
		"num_attention_heads": 4, "num_key_value_heads": 2, "vocab_size": 256, "num_local_experts": 8}`))
	if err != nil {
		log.Fatal(err)
	}
	c, unsupported, err := h.Config()
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(c.Arch, c.Experts.Used, "of", c.Experts.Count, "experts", unsupported)
	for _, t := range h.Tensors(&c) {
		if t.GGUF == "blk.0.ffn_up_exps.weight" {
			fmt.Println(t.GGUF, t.Shape, "from", t.Sources[0].HF, "and", len(t.Sources)-1, "others")
		}
	}
	// Output:
	// llama 2 of 8 experts <nil>
	// blk.0.ffn_up_exps.weight [8 128 64] from model.layers.0.block_sparse_moe.experts.0.w3.weight and 7 others
}
