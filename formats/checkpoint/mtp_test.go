package checkpoint

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"bitmill/formats"
	"bitmill/formats/checkpoint/arch"
	"bitmill/formats/checkpoint/checkpointtest"
)

// predicting adds to the tensors of a checkpoint the block that predicts one token more: the last layer's tensors and
// those of its own.
func predicting(layers, width, vocab int64) func(r []checkpointtest.Raw) []checkpointtest.Raw {
	return func(r []checkpointtest.Raw) []checkpointtest.Raw {
		block := fmt.Sprintf("model.layers.%d.", layers)
		for _, x := range slices.Clone(r) {
			if rest, ok := strings.CutPrefix(x.Name, fmt.Sprintf("model.layers.%d.", layers-1)); ok {
				x.Name = block + rest
				r = append(r, x)
			}
		}
		for name, shape := range map[string][]int64{"eh_proj.weight": {width, 2 * width}, "enorm.weight": {width},
			"hnorm.weight": {width}, "shared_head.norm.weight": {width}, "shared_head.head.weight": {vocab, width},
			"embed_tokens.weight": {vocab, width}} {
			n := int64(2)
			for _, d := range shape {
				n *= d
			}
			r = append(r, checkpointtest.Raw{Name: block + name, DType: "BF16", Shape: shape, Data: make([]byte, n)})
		}
		return r
	}
}

// DeepSeek V3's checkpoints have a block behind the layers, which llama.cpp's converter leaves out.
func TestBlockBehindLayers(t *testing.T) {
	promise := strings.NewReplacer(`"num_hidden_layers"`, `"num_nextn_predict_layers": 1, "num_hidden_layers"`)
	k := open(t, checkpointtest.Load(t, "deepseek-v3").Folder(t))
	c := k.Config
	dir := caseFolder(t, "deepseek-v3", promise, predicting(int64(c.Layers), int64(c.Width), int64(c.Vocab)))
	for _, m := range []arch.MTP{arch.DefaultMTP, arch.DropMTP} {
		got := openWith(t, dir, OpenOptions{MTP: m})
		sameTensors(t, fmt.Sprint(m), got, k)
		blocks, _, _ := got.Metadata.Uint("deepseek2.block_count")
		if got.Config.NextN != 0 || int(blocks) != c.Layers ||
			!strings.Contains(fmt.Sprint(got.Warnings), "layers that predict further tokens") {
			t.Errorf("%d: %d blocks, %q", m, got.Config.NextN, got.Warnings)
		}
	}
	got := openWith(t, dir, OpenOptions{MTP: arch.KeepMTP})
	n, _, _ := got.Metadata.Uint("deepseek2.nextn_predict_layers")
	blocks, _, _ := got.Metadata.Uint("deepseek2.block_count")
	if _, ok := got.Tensor(fmt.Sprintf("blk.%d.nextn.eh_proj.weight", c.Layers)); !ok || got.Config.NextN != 1 || n != 1 ||
		int(blocks) != c.Layers+1 || strings.Contains(fmt.Sprint(got.Warnings), "left out") {
		t.Errorf("%d blocks of %d, %d in metadata, %q", got.Config.NextN, blocks, n, got.Warnings)
	}
	if g := open(t, writeGGUF(t, got, nil)); g.ConfigErr != nil || g.Config.NextN != 1 || g.UnexpectedTensors() != nil {
		t.Errorf("%v: %d blocks, %v", g.ConfigErr, g.Config.NextN, g.UnexpectedTensors())
	}
}

// What is asked for must be there, and have a place.
func TestKeepNoBlocks(t *testing.T) {
	for name, says := range map[string]string{"llama": "have no place", "deepseek-v3": "the model has no blocks",
		"glm4-moe": "the model has no blocks"} {
		_, err := OpenWith(checkpointtest.Load(t, name).Folder(t), OpenOptions{MTP: arch.KeepMTP})
		if !errors.Is(err, formats.ErrUnsupported) || !strings.Contains(err.Error(), says) {
			t.Errorf("%s: %v", name, err)
		}
	}
	dir := caseFolder(t, "glm4-moe-mtp", nil, func(r []checkpointtest.Raw) []checkpointtest.Raw {
		return slices.DeleteFunc(r, func(x checkpointtest.Raw) bool { return strings.HasSuffix(x.Name, ".eh_proj.weight") })
	})
	if _, err := Open(dir); !errors.Is(err, formats.ErrCorrupt) || !strings.Contains(err.Error(), "layers.4.eh_proj") {
		t.Errorf("an incomplete block: %v", err)
	}
}

// Names that Qwen has for such a block are those of DeepSeek, told apart from the layers.
func TestBlocksApart(t *testing.T) {
	want := open(t, checkpointtest.Load(t, "glm4-moe-mtp").Folder(t))
	c := open(t, caseFolder(t, "glm4-moe-mtp", nil, func(r []checkpointtest.Raw) []checkpointtest.Raw {
		own := strings.NewReplacer("eh_proj.", "fc.", "enorm.", "pre_fc_norm_embedding.", "hnorm.", "pre_fc_norm_hidden.",
			"shared_head.norm.", "norm.")
		for i := range r {
			switch rest, ok := strings.CutPrefix(r[i].Name, "model.layers.4."); {
			case ok && own.Replace(rest) != rest:
				r[i].Name = "mtp." + own.Replace(rest)
			case ok:
				r[i].Name = "model.mtp.layers.0." + rest
			}
		}
		return r
	}))
	sameTensors(t, "mtp.*", c, want)
}

// The shape of GLM-4.7-Flash, whose width is not a multiple of its heads. A plan counts the block behind the layers.
func TestPlanLatentBlocks(t *testing.T) {
	c := plan(t, `{"architectures": ["Glm4MoeLiteForCausalLM"], "attention_bias": false, "dtype": "bfloat16",
 "first_k_dense_replace": 1, "hidden_act": "silu", "hidden_size": 2048, "intermediate_size": 10240, "kv_lora_rank": 512,
 "max_position_embeddings": 202752, "model_type": "glm4_moe_lite", "moe_intermediate_size": 1536, "n_group": 1,
 "n_routed_experts": 64, "n_shared_experts": 1, "norm_topk_prob": true, "num_attention_heads": 20,
 "num_experts_per_tok": 4, "num_hidden_layers": 47, "num_key_value_heads": 20, "num_nextn_predict_layers": 1, "partial_rotary_factor": 1.0,
 "q_lora_rank": 768, "qk_nope_head_dim": 192, "qk_rope_head_dim": 64, "rms_norm_eps": 1e-05, "rope_scaling": null,
 "rope_theta": 1000000, "routed_scaling_factor": 1.8, "tie_word_embeddings": false, "topk_group": 1,
 "topk_method": "noaux_tc", "v_head_dim": 256, "vocab_size": 154880}`)
	if n := c.size().Total; n != 30_587_100_096 || c.ConfigErr != nil || c.Config.NextN != 1 {
		t.Errorf("%d parameters, %d blocks behind the layers, %v", n, c.Config.NextN, c.ConfigErr)
	}
}
