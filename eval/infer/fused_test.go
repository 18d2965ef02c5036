package infer

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"bitmill/eval/kernel"
	"bitmill/formats"
	"bitmill/formats/checkpoint"
	"bitmill/formats/checkpoint/checkpointtest"
	"bitmill/formats/gguf"
)

// fuse writes a GGUF file in which some tensors of each layer are one, joined matrix by matrix.
func fuse(t *testing.T, c *checkpoint.Checkpoint, whole string, parts ...string) string {
	t.Helper()
	var list []formats.Tensor
	var data [][]byte
	for i := range c.Tensors {
		x := &c.Tensors[i]
		layer, ok := strings.CutSuffix(x.Name, "."+parts[0]+".weight")
		joined := []*checkpoint.Tensor{x}
		info := x.Tensor
		for _, part := range parts[1:] {
			if strings.HasSuffix(x.Name, "."+part+".weight") {
				joined = nil
			}
			if other, is := c.Tensor(layer + "." + part + ".weight"); ok && is {
				joined = append(joined, other)
			}
		}
		if joined == nil {
			continue
		}
		var all []byte
		info.Shape = append([]int64(nil), info.Shape...)
		for m := range x.Matrices() {
			for k, one := range joined {
				rows := one.Rows() / one.Matrices()
				size, err := one.Type.RowBytes(one.Cols())
				if err != nil {
					t.Fatal(err)
				}
				matrix := make([]byte, rows*size)
				if err := one.ReadRows(matrix, m*rows, rows); err != nil {
					t.Fatal(err)
				}
				if all = append(all, matrix...); m == 0 && k > 0 {
					info.Shape[1] += rows
				}
			}
		}
		if ok {
			info.Name = layer + "." + whole + ".weight"
		}
		list, data = append(list, info), append(data, all)
	}
	var b bytes.Buffer
	if err := gguf.Write(&b, c.Metadata, list, func(i int) ([]byte, error) { return data[i], nil }); err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(t.TempDir(), "fused.gguf")
	if err := os.WriteFile(path, b.Bytes(), 0o666); err != nil {
		t.Fatal(err)
	}
	return path
}

// TestFusedTensors: files in which several tensors of a layer are one compute what they do without.
func TestFusedTensors(t *testing.T) {
	for _, f := range []struct {
		name, whole string
		parts       []string
	}{
		{"qwen3-moe", "ffn_gate_up_exps", []string{"ffn_gate_exps", "ffn_up_exps"}},
		{"llama", "attn_qkv", []string{"attn_q", "attn_k", "attn_v"}},
	} {
		c := checkpointtest.Load(t, f.name)
		source, err := checkpoint.Open(c.FolderWithTokenizer(t))
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { source.Close() })
		fused, err := checkpoint.Open(fuse(t, source, f.whole, f.parts...))
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { fused.Close() })
		if names := fused.UnexpectedTensors(); names != nil {
			t.Errorf("%s: unexpected %v", f.whole, names)
		}
		m, err := Load(fused)
		if err != nil {
			t.Fatalf("%s: %v", f.whole, err)
		}
		m.each(func(w *Linear) { w.form = kernel.FormF32 }) // as those of a folder
		want := forward(t, open(t, c), Options{}, 2, Sequence{Tokens: c.Tokens})
		if e := relativeRMS(forward(t, m, Options{}, 2, Sequence{Tokens: c.Tokens}), want); !(e < 1e-5) {
			t.Errorf("%s: logits differ by %.1e", f.whole, e)
		}
	}
}
