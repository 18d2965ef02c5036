package checkpoint

import (
	"encoding/binary"
	"errors"
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"bitmill/formats"
	"bitmill/formats/checkpoint/checkpointtest"
)

// headAdapter writes an adapter that holds an output matrix of its own for a case, all of one value.
func headAdapter(t *testing.T, c *checkpointtest.Case, value float32) string {
	t.Helper()
	shape := c.Shapes["model.embed_tokens.weight"]
	var data []byte
	for range shape[0] * shape[1] {
		data = binary.LittleEndian.AppendUint32(data, math.Float32bits(value))
	}
	dir := filepath.Join(t.TempDir(), "adapter")
	if err := os.Mkdir(dir, 0o777); err != nil {
		t.Fatal(err)
	}
	checkpointtest.WriteFile(t, dir, "adapter_config.json", []byte(`{"peft_type": "LORA", "r": 1, "lora_alpha": 1, "modules_to_save": ["lm_head"]}`))
	checkpointtest.WriteFile(t, dir, "adapter_model.safetensors", checkpointtest.Safetensors(t, []checkpointtest.Raw{
		{Name: "base_model.model.lm_head.weight", DType: "F32", Shape: shape, Data: data}}))
	return dir
}

// TestUntied: an adapter of the output matrix unties a model, where the architecture has two matrices.
func TestUntied(t *testing.T) {
	c := checkpointtest.Load(t, "gemma3")
	dir := c.FolderWithTokenizer(t)
	base := open(t, dir)
	got, err := OpenWith(dir, OpenOptions{Adapter: headAdapter(t, c, 0.5)})
	if err != nil {
		t.Fatal(err)
	}
	defer got.Close()
	if !base.Config.Tied || got.Config.Tied || len(got.Tensors) != len(base.Tensors)+1 {
		t.Fatalf("tied %t and %t, %d and %d tensors", base.Config.Tied, got.Config.Tied, len(base.Tensors), len(got.Tensors))
	}
	for _, name := range []string{"output.weight", "token_embd.weight"} {
		head, ok := got.Tensor(name)
		was, _ := base.Tensor("token_embd.weight")
		if !ok {
			t.Fatalf("there is no %s", name)
		}
		x, y := make([]float32, head.Cols()), make([]float32, head.Cols())
		if err := errors.Join(head.Floats(x, 0, 1), was.Floats(y, 0, 1)); err != nil {
			t.Fatal(err)
		}
		for i := range x {
			if want := map[bool]float32{true: 0.5, false: y[i]}[name == "output.weight"]; x[i] != want {
				t.Fatalf("%s: value %d is %v, want %v", name, i, x[i], want)
			}
		}
	}
	if all := strings.Join(got.Warnings, "\n"); !strings.Contains(all, "an output matrix of its own") {
		t.Errorf("warnings %q", all)
	}
	c = checkpointtest.Load(t, "gemma2")
	_, err = OpenWith(c.Folder(t), OpenOptions{Adapter: headAdapter(t, c, 0.5)})
	if !errors.Is(err, formats.ErrUnsupported) || !strings.Contains(err.Error(), "architecture gemma2") {
		t.Errorf("gemma2: %v", err)
	}
}
