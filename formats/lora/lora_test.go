package lora

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"bitmill/formats"
	"bitmill/formats/checkpoint/checkpointtest"
	"bitmill/formats/prequant"
	"bitmill/formats/safetensors"
)

// tensor makes a tensor of the values f(i).
func tensor(name, dtype string, f func(i int) float32, shape ...int64) safetensors.Tensor {
	t := safetensors.Tensor{Name: name, DType: dtype, Shape: shape}
	for i := range int(t.Elements()) {
		bits := math.Float32bits(f(i))
		if dtype == "BF16" {
			t.Data = binary.LittleEndian.AppendUint16(t.Data, uint16(bits>>16))
		} else {
			t.Data = binary.LittleEndian.AppendUint32(t.Data, bits)
		}
	}
	return t
}

// small values that BF16 holds exactly.
func count(start, n int) func(int) float32 {
	return func(i int) float32 { return float32((i+start)%n) - float32(n)/2 }
}

func adapter(t *testing.T, config string, tensors ...safetensors.Tensor) string {
	t.Helper()
	dir := t.TempDir()
	var raws []checkpointtest.Raw
	for _, s := range tensors {
		raws = append(raws, checkpointtest.Raw{Name: s.Name, DType: s.DType, Shape: s.Shape, Data: s.Data})
	}
	for name, data := range map[string][]byte{configName: []byte(config), weightsName: checkpointtest.Safetensors(t, raws)} {
		if err := os.WriteFile(filepath.Join(dir, name), data, 0o666); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

// model is what adapters are merged into: a matrix of 6 by 4, an embedding of 5 by 4, a vector.
func model() []prequant.Tensor {
	return []prequant.Tensor{
		{Tensor: tensor("model.x.weight", "BF16", count(3, 7), 6, 4)},
		{Tensor: tensor("model.embed.weight", "F32", count(1, 9), 5, 4)},
		{Tensor: tensor("model.norm.weight", "F32", count(0, 3), 4)},
	}
}

const plainConfig = `{"peft_type": "LORA", "r": 2, "lora_alpha": 3, "base_model_name_or_path": "org/base"}`

func pairOf(name string, rows, cols, rank int64) []safetensors.Tensor {
	return []safetensors.Tensor{
		tensor("base_model.model."+name+".lora_A.weight", "F32", count(2, 5), rank, cols),
		tensor("base_model.model."+name+".lora_B.weight", "BF16", count(1, 4), rows, rank),
	}
}

func TestMerge(t *testing.T) {
	for _, c := range []struct {
		config string
		scale  float64
	}{
		{plainConfig, 1.5},
		{`{"peft_type": "LORA", "r": 2, "lora_alpha": 3, "use_rslora": true}`, 3 / math.Sqrt2},
		{`{"peft_type": "LORA", "r": 8, "lora_alpha": 3, "rank_pattern": {"x": 2}, "alpha_pattern": {"model.x": 5, "y": 7}}`, 2.5},
	} {
		a, err := Open(adapter(t, c.config, pairOf("model.x", 6, 4, 2)...))
		if err != nil {
			t.Fatal(err)
		}
		list := model()
		if err := a.Merge(list); err != nil {
			t.Fatal(err)
		}
		m := list[0].Matrix
		if rows, cols := m.Shape(); rows != 6 || cols != 4 || list[0].DType != "BF16" || list[1].Matrix != nil {
			t.Fatalf("%d by %d, %+v", rows, cols, list[:2])
		}
		for n := int64(1); n <= 6; n++ {
			for first := int64(0); first+n <= 6; first++ {
				got := make([]float32, n*4)
				m.Rows(got, first, n)
				for i := range got {
					r, col := int(first)+i/4, i%4
					want := float64(count(3, 7)(r*4 + col))
					for k := range 2 {
						want += float64(float32(c.scale)) * float64(count(1, 4)(r*2+k)) * float64(count(2, 5)(k*4+col))
					}
					if math.Abs(float64(got[i])-want) > 1e-5 {
						t.Fatalf("%s: row %d, column %d: %v, want %v", c.config, r, col, got[i], want)
					}
				}
			}
		}
		a.Close()
	}
}

func TestEmbedding(t *testing.T) {
	a, err := Open(adapter(t, plainConfig,
		tensor("base_model.model.model.embed.lora_embedding_A", "F32", count(2, 5), 2, 5),
		tensor("base_model.model.model.embed.lora_embedding_B", "F32", count(1, 4), 4, 2)))
	if err != nil {
		t.Fatal(err)
	}
	defer a.Close()
	list := model()
	if err := a.Merge(list); err != nil {
		t.Fatal(err)
	}
	got := make([]float32, 20)
	list[1].Matrix.Rows(got, 0, 5)
	for i := range got {
		token, col := i/4, i%4
		want := count(1, 9)(i)
		for k := range 2 {
			want += 1.5 * count(2, 5)(k*5+token) * count(1, 4)(col*2+k)
		}
		if got[i] != want {
			t.Errorf("token %d, column %d: %v, want %v", token, col, got[i], want)
		}
	}
}

func TestWholeTensors(t *testing.T) {
	norm := tensor("base_model.model.model.norm.weight", "F32", count(7, 11), 4)
	a, err := Open(adapter(t, plainConfig, append(pairOf("model.x", 6, 4, 2), norm)...))
	if err != nil {
		t.Fatal(err)
	}
	defer a.Close()
	list := model()
	if err := a.Merge(list); err != nil {
		t.Fatal(err)
	}
	if list[2].Name != "model.norm.weight" || !bytes.Equal(list[2].Data, norm.Data) {
		t.Errorf("the norm is %+v", list[2])
	}
}

func TestRefused(t *testing.T) {
	with := func(more string) string { return strings.Replace(plainConfig, "{", "{"+more+", ", 1) }
	x := pairOf("model.x", 6, 4, 2)
	for _, c := range []struct {
		name, config string
		tensors      []safetensors.Tensor
		is           error
		says         string
	}{
		{"another method", strings.Replace(plainConfig, "LORA", "IA3", 1), x, formats.ErrUnsupported, `"IA3"; only LORA`},
		{"DoRA", with(`"use_dora": true`), x, formats.ErrUnsupported, "use_dora"},
		{"transposed", with(`"fan_in_fan_out": true`), x, formats.ErrUnsupported, "fan_in_fan_out"},
		{"experts", with(`"target_parameters": ["mlp.experts.gate_up_proj"]`), x, formats.ErrUnsupported, "stacked experts"},
		{"biases of its own", with(`"lora_bias": true`), x, formats.ErrUnsupported, "lora_bias"},
		{"some tokens", with(`"trainable_token_indices": [1]`), x, formats.ErrUnsupported, "single embedding rows"},
		{"a list of tokens of alora", with(`"alora_invocation_tokens": [1]`), x, formats.ErrUnsupported, "alora_invocation_tokens"},
		{"layers again", with(`"layer_replication": [[0, 2], [1, 3]]`), x, formats.ErrUnsupported, "layer_replication"},
		{"Megatron", with(`"megatron_config": {"a": 1}`), x, formats.ErrUnsupported, "megatron_config"},
		{"QA-LoRA", with(`"use_qalora": true`), x, formats.ErrUnsupported, "use_qalora"},
		{"BD-LoRA", with(`"use_bdlora": {"nblocks": 2}`), x, formats.ErrUnsupported, "use_bdlora"},
		{"a router", with(`"arrow_config": {"top_k": 3}`), x, formats.ErrUnsupported, "arrow_config"},
		{"KaSA", with(`"kasa_config": {"beta": 1}`), x, formats.ErrUnsupported, "kasa_config"},
		{"VeLoRA", with(`"velora_config": {"scale": 1}`), x, formats.ErrUnsupported, "velora_config"},
		{"samples", with(`"monteclora_config": {"num_samples": 8}`), x, formats.ErrUnsupported, "monteclora_config"},
		{"PiSSA", with(`"init_lora_weights": "pissa"`), x, formats.ErrUnsupported, "path_initial_model_for_weight_conversion"},
		{"fast PiSSA", with(`"init_lora_weights": "pissa_niter_16"`), x, formats.ErrUnsupported, "weights were changed"},
		{"OLoRA", with(`"init_lora_weights": "OLoRA"`), x, formats.ErrUnsupported, "weights were changed"},
		{"CorDA", with(`"init_lora_weights": "corda"`), x, formats.ErrUnsupported, "weights were changed"},
		{"LoftQ", with(`"init_lora_weights": "loftq"`), x, formats.ErrUnsupported, "weights were changed"},
		{"LoRA-GA", with(`"init_lora_weights": "lora_ga"`), x, formats.ErrUnsupported, "weights were changed"},
		{"an unknown beginning", with(`"init_lora_weights": "other"`), x, formats.ErrUnsupported, `"other": bitmill does not know`},
		{"no rank", `{"peft_type": "LORA", "lora_alpha": 1}`, x, formats.ErrCorrupt, "r or lora_alpha"},
		{"no JSON", `{`, x, formats.ErrCorrupt, configName},
		{"another rank", strings.Replace(plainConfig, `"r": 2`, `"r": 4`, 1), x, formats.ErrCorrupt, "model.x: corrupt: its matrices are of rank 2, adapter_config.json says 4"},
		{"half a pair", plainConfig, x[:1], formats.ErrCorrupt, "model.x has only one"},
		{"no common rank", plainConfig, []safetensors.Tensor{x[0], pairOf("model.x", 6, 4, 3)[1]}, formats.ErrCorrupt, "different ranks"},
		{"magnitudes", plainConfig, append(x[:2:2], tensor("base_model.model.model.x.lora_magnitude_vector", "F32", count(0, 2), 6)), formats.ErrUnsupported, "not part of a plain LoRA"},
		{"integers", plainConfig, []safetensors.Tensor{{Name: "a", DType: "I8", Shape: []int64{1}, Data: []byte{1}}}, formats.ErrUnsupported, "dtype I8"},
		{"nothing", plainConfig, nil, formats.ErrCorrupt, "no tensors"},
		{"another model", plainConfig, append(x[:2:2], pairOf("model.z", 6, 4, 2)...), formats.ErrCorrupt, "the model has no tensor model.z.weight, which the adapter changes; it was made for org/base"},
		{"another shape", plainConfig, pairOf("model.x", 4, 6, 2), formats.ErrCorrupt, "the adapter is for a matrix of [4 6], the model's is [6 4]"},
		{"a vector", plainConfig, pairOf("model.norm", 4, 1, 2), formats.ErrUnsupported, "only matrices are merged"},
		{"another whole shape", plainConfig, append(x[:2:2], tensor("base_model.model.model.norm.weight", "F32", count(0, 2), 5)), formats.ErrCorrupt, "its shape is [5]"},
	} {
		a, err := Open(adapter(t, c.config, c.tensors...))
		if err == nil {
			err = a.Merge(model())
			a.Close()
		}
		if err == nil || !errors.Is(err, c.is) || !strings.Contains(err.Error(), c.says) {
			t.Errorf("%s: %v; want an error that says %q", c.name, err, c.says)
		}
	}
}

func TestFolders(t *testing.T) {
	dir := t.TempDir()
	if _, err := Open(dir); err == nil || !strings.Contains(err.Error(), "is not a LoRA adapter: adapter_config.json is missing") {
		t.Error(err)
	}
	for _, f := range []string{configName, "adapter_model.bin"} {
		if err := os.WriteFile(filepath.Join(dir, f), []byte(plainConfig), 0o666); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := Open(dir); !errors.Is(err, formats.ErrUnsupported) || !strings.Contains(fmt.Sprint(err), "safe_serialization=True") {
		t.Error(err)
	}
}

// The hash is that of weights and configuration.
func TestHash(t *testing.T) {
	hash := func(config string, start int) string {
		x := pairOf("model.x", 6, 4, 2)
		x[0] = tensor(x[0].Name, "F32", count(start, 5), 2, 4)
		a, err := Open(adapter(t, config, x...))
		if err != nil {
			t.Fatal(err)
		}
		defer a.Close()
		return a.Hash
	}
	a := hash(plainConfig, 2)
	if a != hash(plainConfig, 2) || a == hash(plainConfig, 3) || a == hash(strings.Replace(plainConfig, ": 3", ": 4", 1), 2) {
		t.Error("equal adapters have other hashes, or other adapters equal ones")
	}
}
