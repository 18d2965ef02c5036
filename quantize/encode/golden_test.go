package encode

import (
	"compress/gzip"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"maps"
	"os"
	"slices"
	"strings"
	"testing"

	"bitmill/formats"
	"bitmill/formats/checkpoint/checkpointtest"
	"bitmill/formats/imatrix"
)

// golden is quantize/testdata/golden (see the README there).
const golden = "../testdata/golden/"

// tensorHash is what llama-quantize wrote for one tensor.
type tensorHash struct {
	typ   formats.Type
	bytes int
	hash  string
}

func (h *tensorHash) UnmarshalJSON(b []byte) error {
	var name string
	if err := json.Unmarshal(b, &[]any{&name, &h.bytes, &h.hash}); err != nil {
		return err
	}
	var err error
	h.typ, err = formats.ParseType(name)
	return err
}

// goldenRun is one run of llama-quantize.
type goldenRun struct {
	Error   bool                  `json:"error"`
	Tensors map[string]tensorHash `json:"tensors"`
}

func readGolden(t *testing.T, name string) map[string]goldenRun {
	t.Helper()
	f, err := os.Open(golden + name + ".json.gz")
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	z, err := gzip.NewReader(f)
	if err != nil {
		t.Fatal(err)
	}
	var runs map[string]goldenRun
	if err := json.NewDecoder(z).Decode(&runs); err != nil {
		t.Fatal(err)
	}
	return runs
}

// TestGolden encodes every tensor of two models with every type and compares hashes with llama-quantize's files. Types
// are tested side by side.
func TestGolden(t *testing.T) {
	for model, heads := range map[string][2]int{"llama": {4, 2}, "llama-narrow": {6, 3}} {
		t.Run(model, func(t *testing.T) {
			weights := llamaTensors(t, model, heads[0], heads[1])
			importance := readImportance(t, model)
			runs := readGolden(t, model)
			type job struct {
				tensor     string
				typ        formats.Type
				importance bool
				hash       string
			}
			jobs, total := map[job]string{}, 0 // many runs share a tensor's bytes: each is encoded once
			types := map[formats.Type]bool{}
			for _, run := range slices.Sorted(maps.Keys(runs)) {
				for name, want := range runs[run].Tensors {
					jobs[job{name, want.typ, strings.Contains(run, "+imatrix"), want.hash}] = run
					types[want.typ] = true
					total++
				}
			}
			if total < 2300 {
				t.Fatalf("only %d hashes to compare", total)
			}
			for typ := range types {
				t.Run(typ.String(), func(t *testing.T) {
					t.Parallel()
					for j, run := range jobs {
						if j.typ != typ {
							continue
						}
						w, ok := weights[j.tensor]
						if !ok {
							t.Fatalf("%s: no such tensor", j.tensor)
						}
						var imp []float32
						if j.importance {
							imp = importance[j.tensor] // nil for output and token_embd
						}
						for set, data := range encodedBy(t, j.typ, w.values, w.cols, imp) {
							sum := sha256.Sum256(data)
							if hex.EncodeToString(sum[:]) != j.hash {
								t.Errorf("%s in %s: %s writes other bytes than llama-quantize", j.tensor, run, set)
							}
						}
					}
				})
			}
			t.Logf("%s: %d hashes, %d distinct", model, total, len(jobs))
		})
	}
}

// encodedBy returns the bytes from every set of lanes that has the type, or from plain Go.
func encodedBy(t *testing.T, typ formats.Type, src []float32, cols int, importance []float32) map[string][]byte {
	t.Helper()
	all := map[string][]byte{}
	stride, err := typ.RowBytes(int64(cols))
	if err != nil {
		t.Fatal(err)
	}
	for _, set := range runnableLanes() {
		dst := make([]byte, len(src)/cols*int(stride))
		if find(typ).onLanes(set, dst, src, cols, int(stride), importance) {
			all[set.name] = dst
		}
	}
	if len(all) == 0 {
		all["plain Go"] = encoded(t, typ, src, cols, importance)
	}
	return all
}

// readImportance returns the imatrix weights of the model's tensors; experts follow each other.
func readImportance(t *testing.T, model string) map[string][]float32 {
	t.Helper()
	m, err := imatrix.Open(golden + model + ".imatrix.gguf")
	if err != nil {
		t.Fatal(err)
	}
	weights := map[string][]float32{}
	for i := range m.Entries {
		weights[m.Entries[i].Name] = m.Entries[i].Weights()
	}
	return weights
}

type matrix struct {
	values []float32
	cols   int
}

// llamaTensors returns the case's tensors by their GGUF names and in GGUF's row order.
func llamaTensors(t *testing.T, name string, heads, kvHeads int) map[string]matrix {
	t.Helper()
	rename := strings.NewReplacer("model.layers.", "blk.", "model.embed_tokens", "token_embd", "lm_head", "output", "model.norm", "output_norm",
		"input_layernorm", "attn_norm", "post_attention_layernorm", "ffn_norm", "self_attn.q_proj", "attn_q", "self_attn.k_proj", "attn_k",
		"self_attn.v_proj", "attn_v", "self_attn.o_proj", "attn_output", "mlp.gate_proj", "ffn_gate", "mlp.up_proj", "ffn_up", "mlp.down_proj", "ffn_down")
	c := checkpointtest.Load(t, name)
	tensors := map[string]matrix{}
	for hf, shape := range c.Shapes {
		m := matrix{checkpointtest.Weights(hf, shape), int(shape[len(shape)-1])}
		switch {
		case strings.Contains(hf, "q_proj"):
			m.interleave(heads)
		case strings.Contains(hf, "k_proj"):
			m.interleave(kvHeads)
		}
		tensors[rename.Replace(hf)] = m
	}
	return tensors
}

// interleave reorders rows as llama.cpp stores Q and K of the Llama family: in each head, rows of the two halves take
// turns.
func (m *matrix) interleave(heads int) {
	out := make([]float32, 0, len(m.values))
	dim := len(m.values) / m.cols / heads
	for h := range heads {
		for i := range dim {
			row := h*dim + i%2*dim/2 + i/2
			out = append(out, m.values[row*m.cols:(row+1)*m.cols]...)
		}
	}
	m.values = out
}
