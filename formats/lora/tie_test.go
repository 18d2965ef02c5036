package lora

import (
	"math"
	"strings"
	"testing"

	"bitmill/formats/prequant"
	"bitmill/formats/safetensors"
)

// float reads all values of a matrix in F32.
func floats(t *testing.T, m prequant.Tensor) []float32 {
	t.Helper()
	out := make([]float32, m.Shape[0]*m.Shape[1])
	if m.Matrix != nil {
		m.Matrix.Rows(out, 0, m.Shape[0])
		return out
	}
	for i := range out {
		out[i] = value(&m.Tensor, int64(i))
	}
	return out
}

// TestUntie: a module with an adapter or a copy of its own changes alone, the matrix at the other end of a tied one does
// not; what was saved of the matrix itself changes both.
func TestUntie(t *testing.T) {
	const embed, head = "base_model.model.model.embed", "base_model.model.head"
	base, trained := count(1, 9), count(4, 11)
	whole := func(name string) safetensors.Tensor { return tensor(name+".weight", "F32", trained, 5, 4) }
	onEmbed := []safetensors.Tensor{tensor(embed+".lora_embedding_A", "F32", count(2, 5), 2, 5),
		tensor(embed+".lora_embedding_B", "F32", count(1, 4), 4, 2)}
	onHead := pairOf("head", 5, 4, 2)
	product := func(a, b func(row, col, k int) float32) func(func(int) float32) func(int) float32 {
		return func(from func(int) float32) func(int) float32 {
			return func(i int) float32 {
				return from(i) + 1.5*(a(i/4, i%4, 0)*b(i/4, i%4, 0)+a(i/4, i%4, 1)*b(i/4, i%4, 1))
			}
		}
	}
	embedded := product(func(row, _, k int) float32 { return count(2, 5)(k*5 + row) },
		func(_, col, k int) float32 { return count(1, 4)(col*2 + k) })
	headed := product(func(row, _, k int) float32 { return count(1, 4)(row*2 + k) },
		func(_, col, k int) float32 { return count(2, 5)(k*4 + col) })
	for _, c := range []struct {
		name, more  string
		tensors     []safetensors.Tensor
		embed, head func(int) float32 // head is nil where the matrix stays tied
	}{
		{"another module", ``, pairOf("model.x", 6, 4, 2), base, nil},
		{"a copy of the embedding", `"modules_to_save": ["embed"]`, []safetensors.Tensor{whole(embed)}, trained, base},
		{"a copy of the head", `"modules_to_save": ["head"]`, []safetensors.Tensor{whole(head)}, base, trained},
		{"copies of both", `"modules_to_save": ["head", "embed"]`, []safetensors.Tensor{whole(head),
			tensor(embed+".weight", "F32", base, 5, 4)}, base, trained},
		{"a LoRA on the embedding", ``, onEmbed, embedded(base), base},
		{"a LoRA on the head", ``, onHead, base, headed(base)},
		{"a LoRA on both", ``, append(onEmbed[:2:2], onHead...), embedded(base), headed(base)},
		{"a LoRA here, a copy there", `"modules_to_save": ["head"]`, append(onEmbed[:2:2], whole(head)), embedded(base), trained},
		{"the matrix itself", ``, []safetensors.Tensor{whole(embed)}, trained, nil},
		{"the matrix itself, twice", ``, []safetensors.Tensor{whole(embed), whole(head)}, trained, nil},
		{"the matrix itself, by the other name", ``, []safetensors.Tensor{whole(head)}, trained, nil},
		{"the matrix itself and a LoRA", ``, append(onEmbed[:2:2], whole(embed+".base_layer")), embedded(trained), trained},
		{"a tied LoRA on the embedding", `"ensure_weight_tying": true`, onEmbed, embedded(base), nil},
		{"a tied LoRA on the head", `"ensure_weight_tying": true`, onHead, headed(base), nil},
		{"a tied copy", `"ensure_weight_tying": true, "modules_to_save": ["embed"]`, []safetensors.Tensor{whole(embed)}, trained, nil},
	} {
		t.Run(c.name, func(t *testing.T) {
			config := plainConfig
			if c.more != "" {
				config = strings.Replace(config, "{", "{"+c.more+", ", 1)
			}
			a, err := Open(adapter(t, config, c.tensors...))
			if err != nil {
				t.Fatal(err)
			}
			defer a.Close()
			list, untied := a.Untie(model(), "model.embed.weight", "head.weight")
			if err := a.Merge(list); err != nil {
				t.Fatal(err)
			}
			if untied != (c.head != nil) || len(list) != map[bool]int{false: 3, true: 4}[untied] {
				t.Fatalf("untied %t, %d tensors", untied, len(list))
			}
			for _, m := range list {
				want := map[string]func(int) float32{"model.embed.weight": c.embed, "head.weight": c.head}[m.Name]
				if want == nil {
					continue
				}
				for i, got := range floats(t, m) {
					if math.Abs(float64(got-want(i))) > 1e-5 {
						t.Fatalf("%s, value %d: %v, want %v", m.Name, i, got, want(i))
					}
				}
			}
		})
	}
}

// TestUnknownKeys: settings that nobody knows are told, those that change nothing are not.
func TestUnknownKeys(t *testing.T) {
	for more, want := range map[string]string{
		`"new_method": {"a": 1}`: "does not know new_method", `"new_method": false, "other": null, "list": []`: "",
		`"bias": "all", "layers_to_transform": [0, 1], "init_lora_weights": "eva", "eva_config": {"rho": 2}`: "",
		`"runtime_config": {"ephemeral_gpu_offload": false}, "init_lora_weights": true, "use_dora": false`:   "",
		`"init_lora_weights": "gaussian", "trainable_token_indices": null, "qalora_group_size": 16`:          "",
	} {
		a, err := Open(adapter(t, strings.Replace(plainConfig, "{", "{"+more+", ", 1), pairOf("model.x", 6, 4, 2)...))
		if err != nil {
			t.Fatalf("%s: %v", more, err)
		}
		if got := strings.Join(a.Warnings, "\n"); !strings.Contains(got, want) || (want == "") != (got == "") {
			t.Errorf("%s: warnings %q", more, got)
		}
		a.Close()
	}
}

// TestRename: the model's names for tensors count, and what the model does without is dropped.
func TestRename(t *testing.T) {
	a, err := Open(adapter(t, plainConfig, append(pairOf("language_model.model.x", 6, 4, 2), pairOf("vision.y", 3, 3, 2)...)...))
	if err != nil {
		t.Fatal(err)
	}
	defer a.Close()
	dropped := a.Rename(func(name string) (string, bool) {
		return strings.TrimPrefix(name, "language_model."), !strings.HasPrefix(name, "vision.")
	})
	if len(dropped) != 1 || dropped[0] != "vision.y.weight" {
		t.Errorf("dropped %q", dropped)
	}
	if err := a.Merge(model()); err != nil {
		t.Error(err)
	}
}
