package checkpoint

import (
	"bytes"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"

	"bitmill/formats"
	"bitmill/formats/block"
	"bitmill/formats/checkpoint/checkpointtest"
	"bitmill/formats/gguf"
)

// llamaFolder writes the llama case with other tensors.
func llamaFolder(t *testing.T, config string, edit func([]checkpointtest.Raw) []checkpointtest.Raw) string {
	t.Helper()
	k := checkpointtest.Load(t, "llama")
	dir := t.TempDir()
	if config == "" {
		config = string(k.Config)
	}
	checkpointtest.WriteFile(t, dir, "config.json", []byte(config))
	checkpointtest.WriteFile(t, dir, "model.safetensors", checkpointtest.Safetensors(t, edit(k.Raws())))
	return dir
}

func TestBadFolders(t *testing.T) {
	k := checkpointtest.Load(t, "llama")
	whole := k.Safetensors(t)
	for name, tt := range map[string]struct {
		files map[string][]byte
		is    error
		says  string
	}{
		"empty":      {nil, nil, "not a Hugging Face folder: config.json is missing"},
		"gguf":       {map[string][]byte{"a.gguf": nil}, nil, "a.gguf"},
		"no weights": {map[string][]byte{"config.json": k.Config}, nil, "no *.safetensors"},
		"pytorch":    {map[string][]byte{"config.json": k.Config, "pytorch_model.bin": {1}}, formats.ErrUnsupported, "save_pretrained"},
		"truncated":  {map[string][]byte{"config.json": k.Config, "model.safetensors": whole[:len(whole)-100]}, formats.ErrCorrupt, "model.safetensors"},
		"missing shard": {map[string][]byte{"config.json": k.Config, "model-00001-of-00002.safetensors": checkpointtest.Safetensors(t, k.Raws()[:1]),
			"model.safetensors.index.json": []byte(`{"weight_map": {"lm_head.weight": "model-00001-of-00002.safetensors", "model.norm.weight": "model-00002-of-00002.safetensors"}}`)},
			nil, "model-00002-of-00002.safetensors"},
	} {
		dir := t.TempDir()
		for file, data := range tt.files {
			checkpointtest.WriteFile(t, dir, file, data)
		}
		_, err := Open(dir)
		if err == nil || tt.is != nil && !errors.Is(err, tt.is) || !strings.Contains(err.Error(), tt.says) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if _, err := Open(filepath.Join(t.TempDir(), "nothing")); err == nil || !strings.Contains(err.Error(), "no such file or folder") {
		t.Error(err)
	}
}

func TestBadTensors(t *testing.T) {
	for name, tt := range map[string]struct {
		edit func([]checkpointtest.Raw) []checkpointtest.Raw
		is   error
		says string
	}{
		"missing": {func(r []checkpointtest.Raw) []checkpointtest.Raw { return r[:len(r)-1] }, formats.ErrCorrupt, "model.norm.weight"},
		"many missing": {func(r []checkpointtest.Raw) []checkpointtest.Raw { return r[:5] },
			formats.ErrCorrupt, "model.layers.0.post_attention_layernorm.weight, model.layers.0.self_attn.k_proj.weight"},
		"unknown": {func(r []checkpointtest.Raw) []checkpointtest.Raw {
			return append(r, checkpointtest.Raw{Name: "model.vision.weight", DType: "F32", Shape: []int64{1}, Data: make([]byte, 4)})
		}, formats.ErrUnsupported, "model.vision.weight"},
		"shape": {func(r []checkpointtest.Raw) []checkpointtest.Raw {
			r[0].Shape = []int64{256, 1024}
			return r
		}, formats.ErrCorrupt, "lm_head.weight"},
		"dtype": {func(r []checkpointtest.Raw) []checkpointtest.Raw {
			r[0].DType = "I16"
			return r
		}, formats.ErrUnsupported, "I16"},
	} {
		_, err := Open(llamaFolder(t, "", tt.edit))
		if !errors.Is(err, tt.is) || !strings.Contains(err.Error(), tt.says) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// Buffers that old versions of transformers saved are left out, as the converter does.
func TestDroppedTensors(t *testing.T) {
	c := open(t, llamaFolder(t, "", func(r []checkpointtest.Raw) []checkpointtest.Raw {
		return append(r, checkpointtest.Raw{Name: "model.layers.0.self_attn.rotary_emb.inv_freq", DType: "F32", Shape: []int64{1}, Data: make([]byte, 4)})
	}))
	if len(c.Tensors) != 21 {
		t.Errorf("%d tensors, want 21", len(c.Tensors))
	}
}

// F16 and F32 matrices keep their type, vectors become F32, and a model may mix types.
func TestSourceTypes(t *testing.T) {
	c := open(t, llamaFolder(t, "", func(r []checkpointtest.Raw) []checkpointtest.Raw {
		for i := range r {
			switch {
			case r[i].Name == "lm_head.weight" || r[i].Name == "model.norm.weight":
				r[i] = recode(r[i], "F16")
			case strings.Contains(r[i].Name, "q_proj"):
				r[i] = recode(r[i], "F32")
			}
		}
		return r
	}))
	for name, want := range map[string]formats.Type{"output.weight": formats.F16, "output_norm.weight": formats.F32, "blk.0.attn_q.weight": formats.F32, "blk.0.attn_k.weight": formats.BF16} {
		if x, _ := c.Tensor(name); x.Type != want {
			t.Errorf("%s is %s, want %s", name, x.Type, want)
		}
	}
	if v, _, _ := c.Metadata.Uint("general.file_type"); v != 1 {
		t.Errorf("general.file_type %d, want 1: the first matrix is F16", v)
	}
	// The values stay: lm_head and Q are small enough for F16 to hold a bfloat16 to within its last bit.
	ref := open(t, checkpointtest.Load(t, "llama").Folder(t))
	for _, name := range []string{"output_norm.weight", "blk.1.attn_q.weight"} {
		if !reflect.DeepEqual(floats(t, c, name), floats(t, ref, name)) {
			t.Errorf("%s changed", name)
		}
	}
}

func recode(r checkpointtest.Raw, dtype string) checkpointtest.Raw {
	var out []byte
	for i := 0; i < len(r.Data); i += 2 {
		v := block.FromBF16(binary.LittleEndian.Uint16(r.Data[i:]))
		if dtype == "F16" {
			out = binary.LittleEndian.AppendUint16(out, block.F16(v))
		} else {
			out = binary.LittleEndian.AppendUint32(out, math.Float32bits(v))
		}
	}
	return checkpointtest.Raw{Name: r.Name, DType: dtype, Shape: r.Shape, Data: out}
}

func floats(t *testing.T, c *Checkpoint, name string) []float32 {
	t.Helper()
	x, ok := c.Tensor(name)
	if !ok {
		t.Fatalf("there is no %s", name)
	}
	v := make([]float32, x.Elements())
	if err := x.Floats(v, 0, x.Rows()); err != nil {
		t.Fatal(err)
	}
	return v
}

// Biases of Q and K are permuted like the rows of their matrices; config.json says whether they must be there.
func TestBiases(t *testing.T) {
	k := checkpointtest.Load(t, "llama")
	config := strings.Replace(string(k.Config), `"attention_bias": false`, `"attention_bias": true`, 1)
	if config == string(k.Config) {
		config = strings.Replace(string(k.Config), `"attention_bias":false`, `"attention_bias":true`, 1)
	}
	if _, err := Open(llamaFolder(t, config, func(r []checkpointtest.Raw) []checkpointtest.Raw { return r })); !errors.Is(err, formats.ErrCorrupt) || !strings.Contains(err.Error(), "k_proj.bias") {
		t.Errorf("without biases: %v", err)
	}
	c := open(t, llamaFolder(t, config, func(r []checkpointtest.Raw) []checkpointtest.Raw {
		for layer := range 2 {
			for _, p := range []struct {
				name string
				n    int
			}{{"q", 256}, {"k", 128}, {"v", 128}, {"o", 256}} {
				data := make([]byte, 0, 2*p.n)
				for i := range p.n {
					data = binary.LittleEndian.AppendUint16(data, block.BF16(float32(i)))
				}
				r = append(r, checkpointtest.Raw{Name: fmt.Sprintf("model.layers.%d.self_attn.%s_proj.bias", layer, p.name), DType: "BF16", Shape: []int64{int64(p.n)}, Data: data})
			}
		}
		return r
	}))
	if got, want := floats(t, c, "blk.1.attn_k.bias")[:5], []float32{0, 32, 1, 33, 2}; !reflect.DeepEqual(got, want) {
		t.Errorf("K bias begins %v, want %v", got, want)
	}
	if got, want := floats(t, c, "blk.1.attn_q.bias")[64:68], []float32{64, 96, 65, 97}; !reflect.DeepEqual(got, want) {
		t.Errorf("Q bias of the second head begins %v, want %v", got, want)
	}
	if got, want := floats(t, c, "blk.1.attn_v.bias")[:3], []float32{0, 1, 2}; !reflect.DeepEqual(got, want) {
		t.Errorf("V bias begins %v, want %v", got, want)
	}
}

// Any range of rows reads as the same bytes and values as the whole.
func TestRows(t *testing.T) {
	c := open(t, checkpointtest.Load(t, "llama-narrow").Folder(t))
	for _, name := range []string{"blk.0.attn_q.weight", "blk.1.attn_k.weight", "blk.0.ffn_up.weight"} {
		x, _ := c.Tensor(name)
		if permuted := strings.Contains(name, "attn"); permuted != (x.Bytes() == nil) {
			t.Errorf("%s: Bytes is nil: %v", name, x.Bytes() == nil)
		}
		size, _ := x.Tensor.Bytes()
		row := size / x.Rows()
		whole := make([]byte, size)
		if err := x.ReadRows(whole, 0, x.Rows()); err != nil {
			t.Fatal(err)
		}
		values := floats(t, c, name)
		for _, span := range [][2]int64{{0, 1}, {1, 2}, {47, 3}, {x.Rows() - 1, 1}, {5, 0}} {
			part := make([]byte, span[1]*row)
			if err := x.ReadRows(part, span[0], span[1]); err != nil || !bytes.Equal(part, whole[span[0]*row:][:len(part)]) {
				t.Errorf("%s: rows %v differ (%v)", name, span, err)
			}
			v := make([]float32, span[1]*x.Cols())
			if err := x.Floats(v, span[0], span[1]); err != nil || !reflect.DeepEqual(v, values[span[0]*x.Cols():][:len(v)]) {
				t.Errorf("%s: values of rows %v differ (%v)", name, span, err)
			}
		}
		for _, span := range [][2]int64{{-1, 1}, {0, x.Rows() + 1}, {x.Rows(), 1}, {math.MaxInt64, 1}} {
			if err := x.ReadRows(make([]byte, row), span[0], span[1]); err == nil {
				t.Errorf("%s: rows %v read", name, span)
			}
		}
		if err := x.Floats(make([]float32, 3), 0, 1); err == nil {
			t.Errorf("%s: a row of 3 values read", name)
		}
	}
}

// Shards come one after the other; what a tensor holds does not depend on them.
func TestShards(t *testing.T) {
	k := checkpointtest.Load(t, "llama")
	raws := k.Raws()
	dir, where := t.TempDir(), map[string]string{}
	checkpointtest.WriteFile(t, dir, "config.json", k.Config)
	for i, part := range [][]checkpointtest.Raw{raws[12:], raws[:12]} {
		file := fmt.Sprintf("model-%05d-of-00002.safetensors", i+1)
		checkpointtest.WriteFile(t, dir, file, checkpointtest.Safetensors(t, part))
		for _, r := range part {
			where[r.Name] = file
		}
	}
	// A shard from which nothing is needed may be missing.
	where["mtp.layers.0.mlp.up_proj.weight"], where["visual.patch_embed.proj.weight"] = "model-mtp.safetensors", "model-mtp.safetensors"
	index, err := json.Marshal(map[string]any{"weight_map": where})
	if err != nil {
		t.Fatal(err)
	}
	checkpointtest.WriteFile(t, dir, "model.safetensors.index.json", index)
	c, ref := open(t, dir), open(t, k.Folder(t))
	if c.Tensors[0].Name != "blk.1.ffn_down.weight" && c.Tensors[0].Source != raws[12].Name {
		t.Errorf("the first tensor is %s", c.Tensors[0].Name)
	}
	if !slices.ContainsFunc(c.Warnings, func(w string) bool {
		return strings.HasSuffix(w, "model-mtp.safetensors is missing: the model is complete without its 2 tensors")
	}) {
		t.Errorf("warnings %q", c.Warnings)
	}
	if len(c.Files()) != 2 || len(c.Tensors) != len(ref.Tensors) {
		t.Fatalf("%d files, %d tensors", len(c.Files()), len(c.Tensors))
	}
	for _, x := range ref.Tensors {
		if !reflect.DeepEqual(floats(t, c, x.Name), floats(t, ref, x.Name)) {
			t.Errorf("%s differs", x.Name)
		}
	}
}

func TestTiedWithHead(t *testing.T) {
	k := checkpointtest.Load(t, "llama")
	config := strings.NewReplacer(`"tie_word_embeddings": false`, `"tie_word_embeddings": true`, `"tie_word_embeddings":false`, `"tie_word_embeddings":true`).Replace(string(k.Config))
	c := open(t, llamaFolder(t, config, func(r []checkpointtest.Raw) []checkpointtest.Raw { return r }))
	if c.Config.Tied || len(c.Warnings) == 0 || !strings.Contains(c.Warnings[0], "lm_head.weight") {
		t.Errorf("tied %v, warnings %q", c.Config.Tied, c.Warnings)
	}
	c = open(t, llamaFolder(t, config, func(r []checkpointtest.Raw) []checkpointtest.Raw { return r[1:] }))
	if _, ok := c.Tensor("output.weight"); ok || !c.Config.Tied {
		t.Errorf("tied %v, output.weight %v", c.Config.Tied, ok)
	}
}

func TestHash(t *testing.T) {
	k := checkpointtest.Load(t, "llama")
	hash := func(path string) string {
		h, err := open(t, path).Hash()
		if err != nil || len(h) != 64 {
			t.Fatalf("%q %v", h, err)
		}
		return h
	}
	first := hash(k.Folder(t))
	if again := hash(llamaFolder(t, "", func(r []checkpointtest.Raw) []checkpointtest.Raw { return r })); again != first {
		t.Error("the same model in another folder has another hash")
	}
	seen := map[string]string{first: "llama"}
	for name, path := range map[string]string{
		"one bit":   llamaFolder(t, "", func(r []checkpointtest.Raw) []checkpointtest.Raw { r[3].Data[7] ^= 1; return r }),
		"base":      llamaFolder(t, strings.Replace(string(k.Config), "10000.0", "20000.0", 1), func(r []checkpointtest.Raw) []checkpointtest.Raw { return r }),
		"vocab":     k.FolderWithTokenizer(t),
		"converted": writeGGUF(t, open(t, k.Folder(t)), nil),
		"window":    llamaFolder(t, strings.Replace(string(k.Config), `"llama"`, `"mistral"`, 1), func(r []checkpointtest.Raw) []checkpointtest.Raw { return r }),
	} {
		h := hash(path)
		if other, ok := seen[h]; ok {
			t.Errorf("%s and %s have the same hash", name, other)
		}
		seen[h] = name
	}
	if _, err := plan(t, llama31).Hash(); err == nil {
		t.Error("a plan has a hash")
	}
}

// sameMetadata compares keys, values and order.
func sameMetadata(t *testing.T, got, want *gguf.Metadata) {
	t.Helper()
	if !reflect.DeepEqual(got.Keys(), want.Keys()) {
		t.Errorf("keys %v, want %v", got.Keys(), want.Keys())
	}
	for _, key := range want.Keys() {
		a, _ := got.Get(key)
		b, _ := want.Get(key)
		if !reflect.DeepEqual(a, b) {
			t.Errorf("%s is %v, want %v", key, a, b)
		}
	}
}

func TestOpenSafetensorsFile(t *testing.T) {
	path := filepath.Join(t.TempDir(), "model.safetensors")
	if err := os.WriteFile(path, []byte("x"), 0o666); err != nil {
		t.Fatal(err)
	}
	if _, err := Open(path); err == nil || !strings.Contains(err.Error(), "name its folder") {
		t.Error(err)
	}
}
