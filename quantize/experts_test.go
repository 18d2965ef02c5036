package quantize

import (
	"bytes"
	"context"
	"encoding/binary"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"bitmill/formats"
	"bitmill/formats/checkpoint"
	"bitmill/formats/checkpoint/checkpointtest"
	"bitmill/formats/gguf"
)

// expertsFile writes case qwen3-moe as a GGUF file with the experts of a layer stacked, as llama.cpp's converter does.
func expertsFile(t *testing.T) string {
	t.Helper()
	names := map[string]string{
		"lm_head": "output", "model.norm": "output_norm", "model.embed_tokens": "token_embd",
		"self_attn.q_proj": "attn_q", "self_attn.k_proj": "attn_k", "self_attn.v_proj": "attn_v", "self_attn.o_proj": "attn_output",
		"self_attn.q_norm": "attn_q_norm", "self_attn.k_norm": "attn_k_norm", "mlp.gate": "ffn_gate_inp",
		"input_layernorm": "attn_norm", "post_attention_layernorm": "ffn_norm",
	}
	shapes := checkpointtest.Load(t, "qwen3-moe").Shapes
	var tensors []formats.Tensor
	var data [][]byte
	add := func(name string, shape []int64, parts ...string) {
		typ, values := formats.BF16, []byte(nil)
		if len(shape) == 1 || strings.Contains(name, "gate_inp") {
			typ = formats.F32
		}
		for _, part := range parts {
			for _, v := range checkpointtest.Weights(part, shapes[part]) {
				bits := math.Float32bits(v)
				if typ == formats.F32 {
					values = binary.LittleEndian.AppendUint32(values, bits)
				} else {
					values = binary.LittleEndian.AppendUint16(values, uint16(bits>>16))
				}
			}
		}
		tensors = append(tensors, formats.Tensor{Name: name, Type: typ, Shape: shape})
		data = append(data, values)
	}
	for source, s := range shapes {
		name := strings.TrimSuffix(source, ".weight")
		var layer int
		if n, _ := fmt.Sscanf(name, "model.layers.%d.", &layer); n == 1 {
			name = strings.TrimPrefix(name, fmt.Sprintf("model.layers.%d.", layer))
		} else {
			layer = -1
		}
		part, ok := names[name]
		if !ok {
			continue // an expert
		}
		if part += ".weight"; layer >= 0 {
			part = fmt.Sprintf("blk.%d.%s", layer, part)
		}
		shape := []int64{s[len(s)-1]}
		if len(s) == 2 {
			shape = append(shape, s[0])
		}
		add(part, shape, source)
	}
	for layer := range 2 {
		for _, part := range []string{"gate", "up", "down"} {
			var parts []string
			for e := range 4 {
				parts = append(parts, fmt.Sprintf("model.layers.%d.mlp.experts.%d.%s_proj.weight", layer, e, part))
			}
			add(fmt.Sprintf("blk.%d.ffn_%s_exps.weight", layer, part), []int64{256, 256, 4}, parts...)
		}
	}
	m := new(gguf.Metadata)
	m.Set("general.architecture", "qwen3moe")
	for key, v := range map[string]uint32{"block_count": 2, "expert_count": 4, "attention.head_count": 4, "attention.head_count_kv": 2} {
		m.Set("qwen3moe."+key, v)
	}
	var b bytes.Buffer
	if err := gguf.Write(&b, m, tensors, func(i int) ([]byte, error) { return data[i], nil }); err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(t.TempDir(), "experts.gguf")
	if err := os.WriteFile(path, b.Bytes(), 0o644); err != nil {
		t.Fatal(err)
	}
	return path
}

// TestExperts: every run of the model with experts, whose importance weights differ from expert to expert.
func TestExperts(t *testing.T) {
	c, err := checkpoint.Open(expertsFile(t))
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	const name = "qwen3-moe"
	matrix, runs := openMatrix(t, name), readGolden(t, name)
	for key, want := range runs {
		o, imatrix := options(name, key)
		m := matrix
		if !imatrix {
			m = nil
		}
		p, err := NewPlan(c, m, o)
		if (err != nil) != want.Error {
			t.Errorf("%s: error %v, llama-quantize refuses: %v", key, err, want.Error)
			continue
		}
		for i := 0; err == nil && i < len(p.Tensors); i++ {
			if got := p.Tensors[i]; got.Type != want.Tensors[got.Name].typ {
				t.Errorf("%s: %s is %s (%s), want %s", key, got.Name, got.Type, got.Reason, want.Tensors[got.Name].typ)
			}
		}
	}
	written, err := Write(context.Background(), c, matrix, goldenJobs(t, name, c, matrix, runs), WriteOptions{})
	if err != nil {
		t.Fatal(err)
	}
	if len(written) < 100 {
		t.Errorf("only %d runs were compared", len(written))
	}
	for _, w := range written {
		compare(t, w, runs[filepath.Base(w.Path)])
	}
}
