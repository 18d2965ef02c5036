package checkpoint

import (
	"bytes"
	"errors"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"

	"bitmill/formats"
	"bitmill/formats/checkpoint/arch"
	"bitmill/formats/checkpoint/checkpointtest"
	"bitmill/formats/gguf"
)

// writeGGUF writes a checkpoint as a GGUF file after edit has had its way with metadata and tensors.
func writeGGUF(t *testing.T, c *Checkpoint, edit func(m *gguf.Metadata, tensors []formats.Tensor) []formats.Tensor) string {
	t.Helper()
	m := c.Metadata.Clone()
	addTo(m, c.ExtraMetadata())
	var list []formats.Tensor
	for i := range c.Tensors {
		list = append(list, c.Tensors[i].Tensor)
	}
	if edit != nil {
		list = edit(m, list)
	}
	var b bytes.Buffer
	err := gguf.Write(&b, m, list, func(i int) ([]byte, error) {
		size, err := list[i].Bytes()
		data := make([]byte, size)
		if x, ok := c.Tensor(list[i].Name); ok && err == nil {
			err = x.ReadRows(data, 0, x.Rows())
		}
		return data, err
	})
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(t.TempDir(), "model.gguf")
	if err := os.WriteFile(path, b.Bytes(), 0o666); err != nil {
		t.Fatal(err)
	}
	return path
}

// A GGUF file made from a checkpoint opens as the same model.
func TestGGUFIsTheSameModel(t *testing.T) {
	for _, name := range checkpointtest.Names() {
		c := open(t, checkpointtest.Load(t, name).FolderWithTokenizer(t))
		g := open(t, writeGGUF(t, c, nil))
		if g.ConfigErr != nil {
			t.Errorf("%s: %v", name, g.ConfigErr)
		}
		if g.unreadKeys != nil || g.UnexpectedTensors() != nil {
			t.Errorf("%s: keys %v and tensors %v are not understood", name, g.unreadKeys, g.UnexpectedTensors())
		}
		want := c.Config
		want.Family = want.Arch
		if want.Rope.Scaling == "llama3" { // the factors say it all
			want.Rope = arch.Rope{Base: want.Rope.Base, Dims: want.Rope.Dims, Interleaved: want.Rope.Interleaved, Scaling: "llama3", Factors: want.Rope.Factors}
		}
		if !reflect.DeepEqual(g.Config, want) {
			t.Errorf("%s:\n     %+v\nwant %+v", name, g.Config, want)
		}
		if len(g.Files()) != 1 || len(c.Files()) != 1 {
			t.Errorf("%s: files %v and %v", name, c.Files(), g.Files())
		}
		for i := range c.Tensors {
			a, b := &c.Tensors[i], &g.Tensors[i]
			x, y := make([]float32, a.Elements()), make([]float32, a.Elements())
			if err := errors.Join(a.Floats(x, 0, a.Rows()), b.Floats(y, 0, b.Rows())); err != nil {
				t.Fatal(err)
			}
			if !reflect.DeepEqual(x, y) || b.Bytes() == nil {
				t.Errorf("%s: tensor %s differs", name, a.Name)
			}
		}
	}
}

func TestWindowLayersThroughGGUF(t *testing.T) {
	c := open(t, checkpointtest.Load(t, "qwen2").Folder(t))
	c.Config.Window, c.Config.WindowLayers = 8, []bool{false, true}
	g := open(t, writeGGUF(t, c, nil))
	if g.ConfigErr != nil || g.Config.Window != 8 || !reflect.DeepEqual(g.Config.WindowLayers, []bool{false, true}) {
		t.Errorf("%v: window %d in %v", g.ConfigErr, g.Config.Window, g.Config.WindowLayers)
	}
}

// What stands against evaluating a GGUF file does not keep it from being opened and quantized.
func TestGGUFConfigErr(t *testing.T) {
	c := open(t, checkpointtest.Load(t, "llama").Folder(t))
	for name, tt := range map[string]struct {
		edit func(m *gguf.Metadata, list []formats.Tensor) []formats.Tensor
		is   error
		says string
	}{
		"architecture": {func(m *gguf.Metadata, l []formats.Tensor) []formats.Tensor {
			m.Set("general.architecture", "llama7")
			return l
		}, formats.ErrUnsupported, "\"llama7\"; bitmill evaluates\n  a"},
		"no architecture": {func(m *gguf.Metadata, l []formats.Tensor) []formats.Tensor {
			m.Delete("general.architecture")
			return l
		}, formats.ErrCorrupt, "general.architecture"},
		"missing key": {func(m *gguf.Metadata, l []formats.Tensor) []formats.Tensor {
			m.Delete("llama.attention.head_count")
			return l
		}, formats.ErrCorrupt, "llama.attention.head_count"},
		"wrong type": {func(m *gguf.Metadata, l []formats.Tensor) []formats.Tensor {
			m.Set("llama.block_count", "two")
			return l
		}, formats.ErrCorrupt, "llama.block_count"},
		"experts": {func(m *gguf.Metadata, l []formats.Tensor) []formats.Tensor {
			m.Set("llama.expert_count", uint32(8))
			return l
		}, formats.ErrCorrupt, "expert_used_count"},
		"scaling": {func(m *gguf.Metadata, l []formats.Tensor) []formats.Tensor {
			m.Set("llama.rope.scaling.type", "dynamic")
			return l
		}, formats.ErrUnsupported, "dynamic"},
		"missing tensor": {func(m *gguf.Metadata, l []formats.Tensor) []formats.Tensor {
			return l[:len(l)-1]
		}, formats.ErrCorrupt, "output_norm.weight"},
		"shape": {func(m *gguf.Metadata, l []formats.Tensor) []formats.Tensor {
			m.Set("llama.feed_forward_length", uint32(511))
			return l
		}, formats.ErrCorrupt, "ffn_"},
	} {
		g, err := Open(writeGGUF(t, c, tt.edit))
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		if !errors.Is(g.ConfigErr, tt.is) || !strings.Contains(g.ConfigErr.Error(), tt.says) {
			t.Errorf("%s: %v", name, g.ConfigErr)
		}
		if warned := strings.Contains(strings.Join(g.Warnings, " "), "each tensor by its name"); warned != errors.Is(tt.is, formats.ErrUnsupported) {
			t.Errorf("%s: warnings %q", name, g.Warnings)
		}
		if len(g.Tensors) < 20 {
			t.Errorf("%s: %d tensors", name, len(g.Tensors))
		}
		g.Close()
	}
}
