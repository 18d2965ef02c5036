package checkpoint

import (
	"errors"
	"fmt"
	"reflect"
	"slices"
	"strings"
	"testing"

	"bitmill/formats"
	"bitmill/formats/checkpoint/arch"
	"bitmill/formats/checkpoint/checkpointtest"
	"bitmill/formats/gguf"
)

func unchanged(r []checkpointtest.Raw) []checkpointtest.Raw { return r }

// A list with an entry for each layer has as many entries as there are layers; its name is told otherwise.
func TestListsOfWrongLength(t *testing.T) {
	for _, key := range []string{`"layer_types": ["full_attention"]`, `"no_rope_layers": [1, 1, 1]`,
		`"mlp_layer_types": ["dense"]`, `"sliding_window": [16, 16, 16]`, `"layers_block_type": ["attention"]`,
		`"layer_types": ["full_attention", "full_attention", "full_attention"], "num_nextn_predict_layers": 2`} {
		_, err := Open(caseFolder(t, "llama", strings.NewReplacer(`"model_type"`, key+`, "model_type"`), unchanged))
		name, _, _ := strings.Cut(strings.TrimPrefix(key, `"`), `"`)
		if !errors.Is(err, formats.ErrCorrupt) || !strings.Contains(err.Error(), name+" has ") ||
			!strings.Contains(err.Error(), "for 2 layers (num_hidden_layers)") {
			t.Errorf("%s: %v", key, err)
		}
	}
	for _, r := range []*strings.Replacer{strings.NewReplacer(`"num_key_value_heads": 2`, `"num_key_value_heads": [2, 2, 2]`),
		strings.NewReplacer(`"intermediate_size": 512`, `"intermediate_size": [512]`)} {
		if _, err := Open(caseFolder(t, "qwen3", r, unchanged)); !errors.Is(err, formats.ErrCorrupt) ||
			!strings.Contains(err.Error(), "entries for 2 layers") {
			t.Error(err)
		}
	}
	for _, key := range []string{`"layer_types": ["full_attention", "full_attention"]`, `"no_rope_layers": []`,
		`"layer_types": ["full_attention", "full_attention", "full_attention"], "num_nextn_predict_layers": 1`} {
		c := open(t, caseFolder(t, "llama", strings.NewReplacer(`"model_type"`, key+`, "model_type"`), unchanged))
		if c.ConfigErr != nil {
			t.Errorf("%s: %v", key, c.ConfigErr)
		}
	}
	c := open(t, caseFolder(t, "llama",
		strings.NewReplacer(`"model_type"`, `"layer_types": ["full_attention", "conv"], "model_type"`), unchanged))
	if !errors.Is(c.ConfigErr, formats.ErrUnsupported) || !strings.Contains(c.ConfigErr.Error(), `layer 1 is of kind "conv"`) {
		t.Errorf("a layer of an unknown kind: %v", c.ConfigErr)
	}
}

// A list of equal numbers is that number.
func TestEqualLists(t *testing.T) {
	want := open(t, checkpointtest.Load(t, "qwen3").Folder(t))
	c := open(t, caseFolder(t, "qwen3", strings.NewReplacer(`"num_key_value_heads": 2`, `"num_key_value_heads": [2, 2]`,
		`"intermediate_size": 512`, `"intermediate_size": [512, 512]`, `"head_dim": 128`, `"head_dim": [128, 128]`,
		`"num_attention_heads": 4`, `"num_attention_heads": [4, 4.0]`), unchanged))
	c.Config.Name = want.Config.Name
	if !reflect.DeepEqual(c.Config, want.Config) {
		t.Errorf("\n     %+v\nwant %+v", c.Config, want.Config)
	}
	sameTensors(t, "equal lists", c, want)
	g := open(t, writeGGUF(t, want, func(m *gguf.Metadata, l []formats.Tensor) []formats.Tensor {
		m.Set("qwen3.attention.head_count_kv", []int32{2, 2})
		m.Set("qwen3.attention.head_count", []uint32{4, 4})
		m.Set("qwen3.feed_forward_length", []int32{512, 512})
		m.Set("qwen3.attention.key_length", []int32{128, 128})
		return l
	}))
	plain := open(t, writeGGUF(t, want, nil))
	if g.ConfigErr != nil || !reflect.DeepEqual(g.Config, plain.Config) {
		t.Errorf("%v\n     %+v\nwant %+v", g.ConfigErr, g.Config, plain.Config)
	}
}

// Sizes that differ from layer to layer are carried from config.json to GGUF and back.
func TestUnevenLayers(t *testing.T) {
	half, _ := checkpointtest.Load(t, "llama").Uneven(t)
	c := open(t, half)
	want := []arch.LayerSizes{{FFN: 512, Heads: 4, KVHeads: 2, HeadDim: 64}, {FFN: 256, Heads: 2, KVHeads: 1, HeadDim: 64}}
	if c.ConfigErr != nil || !slices.Equal(c.Config.PerLayer, want) || c.Config.KVValues() != 2*3*64 {
		t.Errorf("%v: %+v", c.ConfigErr, c.Config.PerLayer)
	}
	for key, list := range map[string][]int32{"feed_forward_length": {512, 256}, "attention.head_count": {4, 2},
		"attention.head_count_kv": {2, 1}} {
		if got, _ := c.Metadata.Get("llama." + key); !reflect.DeepEqual(got, list) {
			t.Errorf("%s is %v, want %v", key, got, list)
		}
	}
	// The second layer's first head is half as long as the whole: rows 2j and 2j+1 of it were j and j+32.
	q, whole := floats(t, c, "blk.1.attn_q.weight"), floats(t, open(t, checkpointtest.Load(t, "llama").Folder(t)), "blk.1.attn_q.weight")
	if !slices.Equal(q, whole[:len(q)]) || len(q) != len(whole)/2 {
		t.Error("rows of Q lie otherwise")
	}
	g := open(t, writeGGUF(t, c, nil))
	if g.ConfigErr != nil || !slices.Equal(g.Config.PerLayer, want) {
		t.Errorf("%v: %+v", g.ConfigErr, g.Config.PerLayer)
	}
}

// Lists in GGUF metadata are checked, and refused by name where layers of different kinds cannot be evaluated.
func TestBadListsInGGUF(t *testing.T) {
	c := open(t, checkpointtest.Load(t, "llama").Folder(t))
	for _, tt := range []struct {
		key  string
		list any
		is   error
		says string
	}{
		{"attention.head_count_kv", []int32{2}, formats.ErrCorrupt, "llama.attention.head_count_kv has 1 numbers for 2 blocks"},
		{"attention.head_count_kv", []int32{2, 2, 2}, formats.ErrCorrupt, "head_count_kv has 3 numbers for 2 blocks"},
		{"feed_forward_length", []int32{512, -1}, formats.ErrCorrupt, "llama.feed_forward_length is -1 in layer 1"},
		{"attention.head_count_kv", []int32{2, 0}, formats.ErrUnsupported, "layer 1: not supported: it lacks a part that all layers have"},
		{"attention.head_count_kv", []int32{2, 3}, formats.ErrCorrupt, "layer 1: corrupt: 4 heads cannot share 3"},
		{"attention.key_length", []int32{64, 32}, formats.ErrUnsupported, "llama.attention.key_length differs from layer to layer"},
		{"rope.dimension_count", []int32{64}, formats.ErrCorrupt, "rope.dimension_count has 1 numbers for 2 blocks"},
		{"feed_forward_length", []int32{512, 256}, formats.ErrCorrupt, "blk.1.ffn_"},
	} {
		g := open(t, writeGGUF(t, c, func(m *gguf.Metadata, l []formats.Tensor) []formats.Tensor {
			m.Set("llama."+tt.key, tt.list)
			return l
		}))
		if !errors.Is(g.ConfigErr, tt.is) || !strings.Contains(fmt.Sprint(g.ConfigErr), tt.says) {
			t.Errorf("%s of %v: %v", tt.key, tt.list, g.ConfigErr)
		}
	}
	_, err := Open(caseFolder(t, "qwen3", strings.NewReplacer(`"head_dim": 128`, `"head_dim": [128, 64]`), unchanged))
	if !errors.Is(err, formats.ErrUnsupported) || !strings.Contains(err.Error(), "head_dim differs from layer to layer") {
		t.Error(err)
	}
}

// granite4Folder writes a granite case as granitemoehybrid stores it.
func granite4Folder(t *testing.T, more string) string {
	return caseFolder(t, "granite", strings.NewReplacer(`"model_type": "granite"`,
		`"model_type": "granitemoehybrid", "shared_intermediate_size": 512, `+more, `"intermediate_size": 512`,
		`"intermediate_size": 99`), func(r []checkpointtest.Raw) (out []checkpointtest.Raw) {
		var gate checkpointtest.Raw
		for _, x := range r {
			before, after, ok := strings.Cut(x.Name, "mlp.")
			switch {
			case !ok:
			case after == "down_proj.weight":
				x.Name = before + "shared_mlp.output_linear.weight"
			case after == "gate_proj.weight":
				gate = x
				continue
			case after == "up_proj.weight":
				x.Name, x.Shape = before+"shared_mlp.input_linear.weight", []int64{2 * x.Shape[0], x.Shape[1]}
				x.Data = slices.Concat(gate.Data, x.Data)
			}
			out = append(out, x)
		}
		return out
	})
}

// Granite 4.0 with attention only is Granite with other names, and may go without positions.
func TestDenseGranite4(t *testing.T) {
	want := open(t, checkpointtest.Load(t, "granite").Folder(t))
	const layers = `"num_local_experts": 0, "num_experts_per_tok": 0, "mamba_n_heads": 128, "layer_types": ["attention", "attention"]`
	c := open(t, granite4Folder(t, layers+`, "position_embedding_type": "rope"`))
	sameTensors(t, "granite 4", c, want)
	c.Config.Family, c.Config.Name = want.Config.Family, want.Config.Name
	if c.ConfigErr != nil || !reflect.DeepEqual(c.Config, want.Config) {
		t.Errorf("%v\n     %+v\nwant %+v", c.ConfigErr, c.Config, want.Config)
	}
	c = open(t, granite4Folder(t, strings.ReplaceAll(layers, `"attention"`, `"full_attention"`)))
	if !slices.Equal(c.Config.RopeLayers, []bool{false, false}) {
		t.Errorf("positions in %v", c.Config.RopeLayers)
	}
	g := open(t, writeGGUF(t, c, nil))
	if g.ConfigErr != nil || !slices.Equal(g.Config.RopeLayers, []bool{false, false}) {
		t.Errorf("%v: positions in %v", g.ConfigErr, g.Config.RopeLayers)
	}
	// As llama.cpp's converter writes it.
	g = open(t, writeGGUF(t, want, func(m *gguf.Metadata, l []formats.Tensor) []formats.Tensor {
		for key, v := range map[string]any{"attention.head_count_kv": []int32{2, 2}, "rope.scaling.finetuned": true,
			"expert_count": uint32(0), "expert_used_count": uint32(0), "expert_shared_feed_forward_length": uint32(512),
			"ssm.conv_kernel": uint32(4), "ssm.state_size": uint32(256), "ssm.group_count": uint32(1),
			"ssm.inner_size": uint32(5120), "ssm.time_step_rank": uint32(128)} {
			m.Set("granite."+key, v)
		}
		return l
	}))
	all := func(string) bool { return true }
	if err := errors.Join(g.ConfigErr, g.Understood(all)); err != nil || g.Config.KVHeads != 2 || g.Config.PerLayer != nil {
		t.Errorf("%v: %+v", err, g.Config)
	}
	for more, says := range map[string]string{
		strings.Replace(layers, `["attention"`, `["conv"`, 1): `layers of kind "conv"`,
		`"num_local_experts": 0`:                              "may be of Mamba",
	} {
		if _, err := Open(granite4Folder(t, more)); !errors.Is(err, formats.ErrUnsupported) || !strings.Contains(err.Error(), says) {
			t.Errorf("%s: %v", more, err)
		}
	}
}
