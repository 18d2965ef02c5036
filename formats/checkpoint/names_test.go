package checkpoint

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"bitmill/formats"
	"bitmill/formats/checkpoint/checkpointtest"
)

// caseFolder writes a case with another config.json and other tensors.
func caseFolder(t *testing.T, name string, config *strings.Replacer,
	edit func(r []checkpointtest.Raw) []checkpointtest.Raw) string {
	t.Helper()
	k, dir := checkpointtest.Load(t, name), t.TempDir()
	text := string(k.Config)
	if config != nil {
		if text = config.Replace(text); text == string(k.Config) {
			t.Fatalf("the config.json of %s is what it was", name)
		}
	}
	checkpointtest.WriteFile(t, dir, "config.json", []byte(text))
	checkpointtest.WriteFile(t, dir, "model.safetensors", checkpointtest.Safetensors(t, edit(k.Raws())))
	return dir
}

// sameTensors compares names, types, shapes and values.
func sameTensors(t *testing.T, what string, got, want *Checkpoint) {
	t.Helper()
	if len(got.Tensors) != len(want.Tensors) {
		t.Errorf("%s: %d tensors, want %d", what, len(got.Tensors), len(want.Tensors))
	}
	for i := range want.Tensors {
		w := &want.Tensors[i]
		g, ok := got.Tensor(w.Name)
		if !ok || g.Type != w.Type || !slices.Equal(g.Shape, w.Shape) {
			t.Fatalf("%s: %s is %+v, want %+v", what, w.Name, g, w.Tensor)
		}
		sameRows(t, g, w)
	}
}

// The tensors of one model have other names in checkpoints that other classes saved.
func TestPrefixes(t *testing.T) {
	want := open(t, checkpointtest.Load(t, "qwen3").Folder(t))
	for _, p := range []struct{ decoder, head string }{
		{"", ""}, {"", "model."}, {"model.", "model."}, {"language_model.model.", "language_model."},
		{"model.language_model.", ""}, {"model.language_model.", "model.language_model."}, {"transformer.", ""},
		{"backbone.", ""}, {"model.model.", "model."}, {"module.model.", "module."}, {"_orig_mod.model.", "_orig_mod."},
		{"model.text_model.", ""},
	} {
		dir := caseFolder(t, "qwen3", nil, func(r []checkpointtest.Raw) []checkpointtest.Raw {
			for i := range r {
				rest, ok := strings.CutPrefix(r[i].Name, "model.")
				if r[i].Name = p.head + rest; ok {
					r[i].Name = p.decoder + rest
				}
			}
			return r
		})
		c := open(t, dir)
		sameTensors(t, fmt.Sprintf("prefixes %q", p), c, want)
		if len(c.Warnings) != len(want.Warnings) || c.ConfigErr != nil {
			t.Errorf("prefixes %q: warnings %q, %v", p, c.Warnings, c.ConfigErr)
		}
	}
	_, err := Open(caseFolder(t, "qwen3", nil, func(r []checkpointtest.Raw) []checkpointtest.Raw {
		twin := r[len(r)-1]
		twin.Name = "language_model." + twin.Name
		return append(r, twin)
	}))
	if !errors.Is(err, formats.ErrCorrupt) || !strings.Contains(err.Error(), "model.norm.weight and") &&
		!strings.Contains(err.Error(), "and model.norm.weight") {
		t.Errorf("one tensor under two names: %v", err)
	}
}

// A bare backbone has no output matrix. It can be quantized, not evaluated.
func TestBackbone(t *testing.T) {
	bare := func(r []checkpointtest.Raw) []checkpointtest.Raw {
		r = slices.DeleteFunc(r, func(x checkpointtest.Raw) bool { return x.Name == "lm_head.weight" })
		for i := range r {
			r[i].Name = strings.TrimPrefix(r[i].Name, "model.")
		}
		return r
	}
	c := open(t, caseFolder(t, "qwen3", nil, bare))
	if !errors.Is(c.ConfigErr, formats.ErrUnsupported) || !strings.Contains(strings.Join(c.Warnings, " "), "no lm_head.weight") {
		t.Errorf("%v, warnings %q", c.ConfigErr, c.Warnings)
	}
	c = open(t, caseFolder(t, "qwen2", nil, bare)) // tied
	if c.ConfigErr != nil || len(c.Warnings) != 1 {
		t.Errorf("%v, warnings %q", c.ConfigErr, c.Warnings)
	}
	_, err := Open(caseFolder(t, "qwen3", nil, func(r []checkpointtest.Raw) []checkpointtest.Raw {
		return slices.DeleteFunc(r, func(x checkpointtest.Raw) bool { return x.Name == "lm_head.weight" })
	}))
	if !errors.Is(err, formats.ErrCorrupt) || !strings.Contains(err.Error(), "lm_head.weight") {
		t.Errorf("without output matrix: %v", err)
	}
}

// vectors makes tensors of four zeros.
func vectors(names ...string) (list []checkpointtest.Raw) {
	for _, n := range names {
		list = append(list, checkpointtest.Raw{Name: n, DType: "F32", Shape: []int64{4}, Data: make([]byte, 16)})
	}
	return list
}

// Known extras are left out and told, once for each kind; unknown ones are errors.
func TestExtras(t *testing.T) {
	want := open(t, checkpointtest.Load(t, "llama").Folder(t))
	for kind, names := range map[string][]string{
		"caches of rotary embeddings": {"model.layers.0.self_attn.rotary_emb.inv_freq",
			"model.layers.1.self_attn.rotary_emb.inv_freq", "rotary_emb.cos_cached", "model.rotary_emb.inv_freq"},
		"masks of attention": {"model.layers.0.attn.bias", "transformer.layers.1.attn.masked_bias",
			"model.layers.0.self_attn.masked_bias", "model.embeddings.position_ids"},
		"scales of activations": {"model.layers.0.self_attn.k_scale", "model.layers.0.self_attn.v_proj.output_scale",
			"model.layers.1.mlp.down_proj.input_scale", "model.layers.1.self_attn.kv_scale"},
		"layers that predict further tokens": {"model.layers.2.eh_proj.weight", "model.layers.2.mlp.up_proj.weight",
			"mtp.fc.weight", "model.layers.2.shared_head.head.weight"},
		"encoders of images": {"model.visual.blocks.0.weight", "vision_tower.a.bias", "multi_modal_projector.linear.weight"},
	} {
		c := open(t, llamaFolder(t, "", func(r []checkpointtest.Raw) []checkpointtest.Raw {
			return append(r, vectors(names...)...)
		}))
		sameTensors(t, kind, c, want)
		if len(c.Warnings) != len(want.Warnings)+1 || !strings.Contains(c.Warnings[0], "left out, as "+kind) ||
			!strings.Contains(c.Warnings[0], slices.Min(names)) {
			t.Errorf("%s: warnings %q", kind, c.Warnings)
		}
	}
	for _, tt := range []struct{ name, says string }{
		{"model.layers.2.mlp.up_proj.weight", "config.json has 2 layers (num_hidden_layers), but there are tensors of further"},
		{"model.layers.0.mlp.extra.weight", "has no tensor model.layers.0.mlp.extra.weight"},
		{"score.weight", "has no tensor score.weight"},
		{"model.layers.0.self_attn.q_proj.weight_scale", "has no tensor model.layers.0.self_attn.q_proj.weight_scale"},
	} {
		_, err := Open(llamaFolder(t, "", func(r []checkpointtest.Raw) []checkpointtest.Raw {
			return append(r, vectors(tt.name)...)
		}))
		if !errors.Is(err, formats.ErrUnsupported) || !strings.Contains(err.Error(), tt.says) {
			t.Errorf("%s: %v", tt.name, err)
		}
	}
}

// num_nextn_predict_layers tells the blocks behind the layers, whatever their tensors are called.
func TestPromisedPredictors(t *testing.T) {
	k := checkpointtest.Load(t, "llama")
	config := strings.Replace(string(k.Config), "{", `{"num_nextn_predict_layers": 1, `, 1)
	edit := func(block int) func(r []checkpointtest.Raw) []checkpointtest.Raw {
		return func(r []checkpointtest.Raw) []checkpointtest.Raw {
			return append(r, vectors(fmt.Sprintf("model.layers.%d.input_layernorm.weight", block))...)
		}
	}
	if c := open(t, llamaFolder(t, config, edit(2))); len(c.Tensors) != 21 {
		t.Errorf("%d tensors, want 21", len(c.Tensors))
	}
	if _, err := Open(llamaFolder(t, config, edit(3))); err == nil || !strings.Contains(err.Error(), "layers.3.") {
		t.Errorf("a second block behind the layers: %v", err)
	}
}

// Stacked experts are those that stand one by one elsewhere.
func TestStackedExperts(t *testing.T) {
	for _, tt := range []struct{ name, module string }{{"qwen3-moe", "mlp"}, {"mixtral", "block_sparse_moe"}} {
		want := open(t, checkpointtest.Load(t, tt.name).Folder(t))
		for _, form := range []struct {
			prefix, suffix string
			fused          bool
		}{
			{"mlp.experts.", "", true}, {"mlp.experts.", ".weight", true}, {"mlp.switch_mlp.", ".weight", false},
			{"mlp.experts.", "", false}, {tt.module + ".experts.", "", true}, {tt.module + ".switch_mlp.", ".weight", false},
		} {
			c := open(t, caseFolder(t, tt.name, nil, func(r []checkpointtest.Raw) []checkpointtest.Raw {
				return stack(r, tt.module+".experts.", form.prefix, form.suffix, form.fused)
			}))
			sameTensors(t, fmt.Sprint(tt.name, form), c, want)
		}
	}
}

// stack replaces experts by stacks.
func stack(list []checkpointtest.Raw, module, prefix, suffix string, fused bool) (out []checkpointtest.Raw) {
	kinds := map[string]string{"gate_proj": "gate", "up_proj": "up", "down_proj": "down", "w1": "gate", "w3": "up", "w2": "down"}
	parts := map[string][]checkpointtest.Raw{}
	layers := 0
	for _, r := range list {
		before, after, ok := strings.Cut(r.Name, module)
		if !ok {
			out = append(out, r)
			continue
		}
		var e int
		var kind string
		fmt.Sscanf(strings.ReplaceAll(after, ".", " "), "%d %s", &e, &kind)
		key := before + kinds[kind]
		for len(parts[key]) <= e {
			parts[key] = append(parts[key], checkpointtest.Raw{})
		}
		parts[key][e] = r
		if strings.HasSuffix(key, "gate") {
			layers = max(layers, int(before[len("model.layers.")]-'0')+1)
		}
	}
	join := func(name string, lists ...[]checkpointtest.Raw) {
		x := checkpointtest.Raw{Name: name, DType: lists[0][0].DType}
		x.Shape = append([]int64{int64(len(lists[0]))}, lists[0][0].Shape...)
		x.Shape[1] *= int64(len(lists))
		for e := range lists[0] {
			for _, l := range lists {
				x.Data = append(x.Data, l[e].Data...)
			}
		}
		out = append(out, x)
	}
	for i := range layers {
		p := fmt.Sprintf("model.layers.%d.", i)
		join(p+prefix+"down_proj"+suffix, parts[p+"down"])
		if fused {
			join(p+prefix+"gate_up_proj"+suffix, parts[p+"gate"], parts[p+"up"])
			continue
		}
		join(p+prefix+"gate_proj"+suffix, parts[p+"gate"])
		join(p+prefix+"up_proj"+suffix, parts[p+"up"])
	}
	return out
}
