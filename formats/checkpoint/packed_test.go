package checkpoint

import (
	"context"
	"errors"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"bitmill/formats"
	"bitmill/formats/checkpoint/checkpointtest"
	"bitmill/formats/safetensors"
)

func openPacked(t *testing.T, path string, o OpenOptions) *Checkpoint {
	t.Helper()
	c, err := OpenWith(path, o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	return c
}

// A packed checkpoint, or one with an adapter, reads as the same model of plain values.
func TestPackedIsThePlainModel(t *testing.T) {
	for _, name := range []string{"llama", "qwen3", "qwen3-5", "qwen3-next"} { // rows of Q and K permuted, or not; delta nets
		for _, kind := range checkpointtest.PackedKinds {
			dir := t.TempDir()
			checkpointtest.Load(t, name).Packed(t, dir, kind)
			o := OpenOptions{AllowRequantize: true}
			if kind == "lora" {
				o = OpenOptions{Adapter: filepath.Join(dir, "lora.lora")}
			}
			got, want := openPacked(t, filepath.Join(dir, kind), o), open(t, filepath.Join(dir, kind+".plain"))
			if (got.Quantized == "") != (kind == "lora") || want.Quantized != "" || got.DominantType != formats.BF16 {
				t.Errorf("%s: quantized by %q, main type %s", kind, got.Quantized, got.DominantType)
			}
			if len(got.Tensors) != len(want.Tensors) {
				t.Fatalf("%s: %d tensors, want %d", kind, len(got.Tensors), len(want.Tensors))
			}
			for i := range want.Tensors {
				w := &want.Tensors[i]
				g, ok := got.Tensor(w.Name)
				if !ok || g.Type != w.Type || !slices.Equal(g.Shape, w.Shape) {
					t.Fatalf("%s %s: %s is %+v, want %+v", name, kind, w.Name, g, w.Tensor)
				}
				sameRows(t, g, w)
			}
			if err := got.CheckFinite(context.Background(), ScanOptions{}); err != nil {
				t.Error(err)
			}
		}
	}
}

// sameRows reads all rows at once, in threes and as bytes.
func sameRows(t *testing.T, got, want *Tensor) {
	t.Helper()
	rows, cols := want.Rows(), want.Cols()
	all, some := make([]float32, rows*cols), make([]float32, rows*cols)
	if err := want.Floats(all, 0, rows); err != nil {
		t.Fatal(err)
	}
	for first := int64(0); first < rows; first += 3 {
		n := min(3, rows-first)
		if err := got.Floats(some[first*cols:(first+n)*cols], first, n); err != nil {
			t.Fatal(err)
		}
	}
	if !slices.Equal(all, some) {
		t.Errorf("%s differs", want.Name)
	}
	size, err := want.Tensor.Bytes()
	if err != nil {
		t.Fatal(err)
	}
	a, b := make([]byte, size), make([]byte, size)
	if err := errors.Join(want.ReadRows(a, 0, rows), got.ReadRows(b, 0, rows)); err != nil {
		t.Fatal(err)
	}
	if !slices.Equal(a, b) {
		t.Errorf("%s: bytes differ", want.Name)
	}
	got.Release(0, rows)
}

func TestPackedIsGuarded(t *testing.T) {
	dir := t.TempDir()
	for kind, says := range map[string]string{
		"fp8": "FP8 E4M3 with a scale per block of 96x128", "gptq": "GPTQ, 4 bits in groups of 32", "awq": "AWQ, 4 bits in groups of 32",
	} {
		checkpointtest.Load(t, "llama").Packed(t, dir, kind)
		path := filepath.Join(dir, kind)
		_, err := Open(path)
		if !errors.Is(err, formats.ErrUnsupported) || !strings.Contains(err.Error(), says) || !strings.Contains(err.Error(), "--allow-requantize") {
			t.Errorf("%s: %v", kind, err)
		}
		if _, err := Open(path + "/config.json"); !errors.Is(err, formats.ErrUnsupported) || !strings.Contains(err.Error(), kind) {
			t.Errorf("%s, bare configuration: %v", kind, err)
		}
		c := openPacked(t, path+"/config.json", OpenOptions{AllowRequantize: true})
		if x, ok := c.Tensor("blk.0.attn_q.weight"); !ok || x.HasData() {
			t.Errorf("%s: planned as %+v", kind, x)
		}
	}
}

// The hash of a model covers its adapter, and the metadata name it.
func TestAdapterIsRecorded(t *testing.T) {
	dir := t.TempDir()
	checkpointtest.Load(t, "llama").Packed(t, dir, "lora")
	base, merged := open(t, dir+"/lora"), openPacked(t, dir+"/lora", OpenOptions{Adapter: dir + "/lora.lora"})
	a, errA := base.Hash()
	b, errB := merged.Hash()
	if err := errors.Join(errA, errB); err != nil || a == b {
		t.Errorf("hashes %s and %s, %v", a, b, err)
	}
	if sum, _, _ := merged.Metadata.String(AdapterKey); len(sum) != 64 {
		t.Errorf("%s is %q", AdapterKey, sum)
	}
	if name, _, _ := merged.Metadata.String(AdapterBaseKey); name != "org/base" {
		t.Errorf("%s is %q", AdapterBaseKey, name)
	}
	if _, ok := base.Metadata.Get(AdapterKey); ok || len(merged.Files()) != len(base.Files())+2 {
		t.Errorf("files %v", merged.Files())
	}
	_, err := OpenWith(dir+"/lora/config.json", OpenOptions{Adapter: dir + "/lora.lora"})
	if !errors.Is(err, formats.ErrUnsupported) || !strings.Contains(err.Error(), "Hugging Face folder only") {
		t.Error(err)
	}
	if _, err := OpenWith(dir+"/lora", OpenOptions{Adapter: dir + "/lora"}); err == nil || !strings.Contains(err.Error(), "is not a LoRA adapter") {
		t.Error(err)
	}
}

// NaN in a scale is found, and the place named as rows lie in the artifact.
func TestPackedNotFinite(t *testing.T) {
	dir := t.TempDir()
	checkpointtest.Load(t, "llama").Packed(t, dir, "fp8")
	f, err := safetensors.Open(dir + "/fp8/model.safetensors")
	if err != nil {
		t.Fatal(err)
	}
	var raws []checkpointtest.Raw
	for _, x := range f.Tensors {
		data := slices.Clone(x.Data)
		if x.Name == "model.layers.1.self_attn.q_proj.weight" {
			data[70*256+5] = 0x7f // row 70 of the source: head 1, row 6
		}
		raws = append(raws, checkpointtest.Raw{Name: x.Name, DType: x.DType, Shape: x.Shape, Data: data})
	}
	f.Close()
	checkpointtest.WriteFile(t, dir+"/fp8", "model.safetensors", checkpointtest.Safetensors(t, raws))
	c := openPacked(t, dir+"/fp8", OpenOptions{AllowRequantize: true})
	var e *NotFiniteError
	if err := c.CheckFinite(context.Background(), ScanOptions{}); !errors.As(err, &e) || e.Tensor != "blk.1.attn_q.weight" || e.Row != 64+12 || e.Column != 5 || !math.IsNaN(float64(e.Value)) {
		t.Errorf("%v", err)
	}
}

// A vocabulary needs no weights.
func TestVocabularyOnly(t *testing.T) {
	c := checkpointtest.Load(t, "llama")
	whole := open(t, c.FolderWithTokenizer(t))
	dir := c.FolderWithTokenizer(t)
	if err := remove(dir, "model.safetensors"); err != nil {
		t.Fatal(err)
	}
	v := openPacked(t, dir, OpenOptions{VocabularyOnly: true})
	if !v.Planned || len(v.Tensors) != 0 || v.Tokenizer == nil || v.Tokenizer.Vocab() != 1024 {
		t.Errorf("%d tensors, tokenizer %v", len(v.Tensors), v.Tokenizer)
	}
	for _, key := range whole.Metadata.Keys() {
		if _, ok := v.Metadata.Get(key); !ok && key != "general.size_label" {
			t.Errorf("there is no %s", key)
		}
	}
	if err := remove(dir, "tokenizer.json"); err != nil {
		t.Fatal(err)
	}
	if _, err := OpenWith(dir, OpenOptions{VocabularyOnly: true}); err == nil {
		t.Error("a folder without tokenizer has a vocabulary")
	}
}

func remove(dir, name string) error { return os.Remove(filepath.Join(dir, name)) }

// The tools of GPTQ give every layer a bias, of zeros where the model has none.
func TestZeroBiases(t *testing.T) {
	dir := t.TempDir()
	checkpointtest.Load(t, "qwen3").Packed(t, dir, "gptq")
	f, err := safetensors.Open(dir + "/gptq/model.safetensors")
	if err != nil {
		t.Fatal(err)
	}
	var raws []checkpointtest.Raw
	for _, x := range f.Tensors {
		raws = append(raws, checkpointtest.Raw{Name: x.Name, DType: x.DType, Shape: x.Shape, Data: slices.Clone(x.Data)})
	}
	f.Close()
	bias := checkpointtest.Raw{Name: "model.layers.0.mlp.down_proj.bias", DType: "F16", Shape: []int64{256}, Data: make([]byte, 512)}
	checkpointtest.WriteFile(t, dir+"/gptq", "model.safetensors", checkpointtest.Safetensors(t, append(raws, bias)))
	openPacked(t, dir+"/gptq", OpenOptions{AllowRequantize: true})
	bias.Data[7] = 1
	checkpointtest.WriteFile(t, dir+"/gptq", "model.safetensors", checkpointtest.Safetensors(t, append(raws, bias)))
	if _, err := OpenWith(dir+"/gptq", OpenOptions{AllowRequantize: true}); !errors.Is(err, formats.ErrUnsupported) || !strings.Contains(err.Error(), bias.Name) {
		t.Error(err)
	}
}

// A configuration left over from another copy of the model does not stop one whose tensors are plain.
func TestLeftOverQuantization(t *testing.T) {
	same := func(r []checkpointtest.Raw) []checkpointtest.Raw { return r }
	for _, tt := range []struct{ name, config, says string }{
		{"llama", `{"quant_method": "bitsandbytes", "load_in_4bit": true}`, "says bitsandbytes, but no tensor is quantized"},
		{"llama", `{"quant_method": "mxfp4"}`, "says mxfp4, but no tensor is quantized"},
		{"llama", `{}`, ""},
		{"gpt-oss", `{"quant_method": "mxfp4"}`, "says mxfp4, but no tensor is quantized"},
	} {
		want := open(t, checkpointtest.Load(t, tt.name).Folder(t))
		c := open(t, caseFolder(t, tt.name, strings.NewReplacer(`"model_type"`, `"quantization_config": `+tt.config+`, "model_type"`), same))
		sameTensors(t, tt.name+" "+tt.config, c, want)
		if c.Quantized != "" || c.ConfigErr != nil || strings.Contains(strings.Join(c.Warnings, " "), "quantization_config") != (tt.says != "") ||
			!strings.Contains(strings.Join(c.Warnings, " "), tt.says) {
			t.Errorf("%s, %s: %q, %v, warnings %q", tt.name, tt.config, c.Quantized, c.ConfigErr, c.Warnings)
		}
	}
}

// MXFP4 shows in the tensors, also where config.json does not name it.
func TestUnlabelledMXFP4(t *testing.T) {
	want := open(t, checkpointtest.Load(t, "gpt-oss-mxfp4").Folder(t))
	c := open(t, caseFolder(t, "gpt-oss-mxfp4", strings.NewReplacer(`"quantization_config"`, `"old_config"`),
		func(r []checkpointtest.Raw) []checkpointtest.Raw { return r }))
	sameTensors(t, "without quantization_config", c, want)
	if c.DominantType != formats.MXFP4 {
		t.Errorf("the type of the whole is %s", c.DominantType)
	}
}

// Tensors of AWQ under the label of GPTQ are read as what they are, and that is told.
func TestWrongLabel(t *testing.T) {
	dir := t.TempDir()
	checkpointtest.Load(t, "qwen3").Packed(t, dir, "awq")
	config, err := os.ReadFile(dir + "/awq/config.json")
	if err != nil {
		t.Fatal(err)
	}
	checkpointtest.WriteFile(t, dir+"/awq", "config.json",
		[]byte(strings.Replace(string(config), `"quant_method":"awq"`, `"quant_method":"gptq"`, 1)))
	c := openPacked(t, dir+"/awq", OpenOptions{AllowRequantize: true})
	sameTensors(t, "AWQ called GPTQ", c, open(t, dir+"/awq.plain"))
	if c.Quantized != "AWQ, 4 bits in groups of 32" || !strings.Contains(strings.Join(c.Warnings, " "), "says gptq, but the tensors are those of AWQ") {
		t.Errorf("%s, warnings %q", c.Quantized, c.Warnings)
	}
}

// AutoGPTQ's first versions wrote a file of its own instead of quantization_config.
func TestOldGPTQConfig(t *testing.T) {
	dir := t.TempDir()
	checkpointtest.Load(t, "qwen3").Packed(t, dir, "gptq")
	checkpointtest.WriteFile(t, dir+"/gptq", "config.json", checkpointtest.Load(t, "qwen3").Config)
	if _, err := OpenWith(dir+"/gptq", OpenOptions{AllowRequantize: true}); !errors.Is(err, formats.ErrUnsupported) ||
		!strings.Contains(err.Error(), "no quantization_config that says how zero points are stored") {
		t.Errorf("without a configuration: %v", err)
	}
	checkpointtest.WriteFile(t, dir+"/gptq", "quantize_config.json",
		[]byte(`{"bits": 4, "group_size": 32, "damp_percent": 0.01, "desc_act": true, "sym": false, "model_name_or_path": null}`))
	sameTensors(t, "quantize_config.json", openPacked(t, dir+"/gptq", OpenOptions{AllowRequantize: true}), open(t, dir+"/gptq.plain"))
}
