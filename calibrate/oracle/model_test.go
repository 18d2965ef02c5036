package oracle

import (
	"encoding/binary"
	"errors"
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"bitmill/formats"
	"bitmill/formats/block"
	"bitmill/formats/checkpoint"
	"bitmill/formats/checkpoint/checkpointtest"
	"bitmill/formats/gguf"
)

// writeGGUF writes the checkpoint as a GGUF file: matrices in the given type, vectors in F32. extra names tensors to
// add, copies of the last norm's gain.
func writeGGUF(t *testing.T, k *checkpoint.Checkpoint, matrices formats.Type, extra ...string) string {
	t.Helper()
	metadata := k.Metadata.Clone()
	keys := k.ExtraMetadata()
	for _, key := range keys.Keys() {
		v, _ := keys.Get(key)
		metadata.Set(key, v)
	}
	var tensors []formats.Tensor
	var sources []*checkpoint.Tensor
	add := func(name string, source *checkpoint.Tensor) {
		d := formats.Tensor{Name: name, Type: formats.F32, Shape: source.Shape}
		if len(d.Shape) > 1 {
			d.Type = matrices
		}
		tensors, sources = append(tensors, d), append(sources, source)
	}
	for i := range k.Tensors {
		add(k.Tensors[i].Name, &k.Tensors[i])
	}
	norm, ok := k.Tensor("output_norm.weight")
	if !ok {
		t.Fatal("there is no output_norm.weight")
	}
	for _, name := range extra {
		add(name, norm)
	}
	path := filepath.Join(t.TempDir(), "model.gguf")
	f, err := os.Create(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	err = gguf.Write(f, metadata, tensors, func(i int) ([]byte, error) {
		values := make([]float32, sources[i].Elements())
		if err := sources[i].Floats(values, 0, sources[i].Rows()); err != nil {
			return nil, err
		}
		if tensors[i].Type == formats.Q8_0 {
			return q8(values), nil
		}
		var b []byte
		for _, v := range values {
			b = binary.LittleEndian.AppendUint32(b, math.Float32bits(v))
		}
		return b, nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return path
}

// q8 stores values as Q8_0: blocks of 32 with a float16 scale of amax/127.
func q8(values []float32) []byte {
	var b []byte
	for ; len(values) > 0; values = values[32:] {
		amax := 0.0
		for _, v := range values[:32] {
			amax = max(amax, math.Abs(float64(v)))
		}
		b = binary.LittleEndian.AppendUint16(b, block.F16(float32(amax/127)))
		for _, v := range values[:32] {
			b = append(b, byte(int8(math.Round(float64(v)/(amax/127)))))
		}
	}
	return b
}

// The same weights give the same bits from a GGUF file, but for llama3's factors, which a GGUF file holds rounded to
// float32. Q8_0 weights, decoded, give nearly the same.
func TestGGUFSource(t *testing.T) {
	for name, limit := range map[string]float64{"llama3-rope": 1e-5, "mistral": 0, "qwen2": 0} {
		c, oracle := open(t, name, Options{})
		want := logitsOf(t, oracle, c.Tokens)
		k := openCheckpoint(t, c.Folder(t))

		got := logitsOf(t, openPath(t, writeGGUF(t, k, formats.F32), Options{}), c.Tokens)
		if relRMS, _ := Compare(want, got); !(relRMS <= limit) {
			t.Errorf("%s: F32 GGUF: relative RMS difference %g", name, relRMS)
		}
		got = logitsOf(t, openPath(t, writeGGUF(t, k, formats.Q8_0), Options{}), c.Tokens)
		if relRMS, _ := Compare(want, got); !(relRMS > 1e-3 && relRMS < 0.05) {
			t.Errorf("%s: Q8_0 GGUF: relative RMS difference %g", name, relRMS)
		}
	}
}

// The divisors of llama3 scaling are worked out here and, differently, by the checkpoint reader.
func TestRopeFactors(t *testing.T) {
	k := openCheckpoint(t, checkpointtest.Load(t, "llama3-rope").Folder(t)).Config
	if len(k.Rope.Factors) != k.HeadDim/2 {
		t.Fatalf("%d factors", len(k.Rope.Factors))
	}
	between := 0
	for i, want := range k.Rope.Factors {
		got := ropeFactor(k.Rope, i)
		if math.Abs(got/float64(want)-1) > 1e-5 {
			t.Errorf("pair %d: factor %g, the checkpoint has %g", i, got, want)
		}
		if want > 1 && float64(want) < k.Rope.Factor {
			between++
		}
	}
	if between == 0 {
		t.Error("no pair lies between the two wavelengths")
	}
}

func TestModelsThatDoNotFitAreRefused(t *testing.T) {
	k := openCheckpoint(t, checkpointtest.Load(t, "llama").Folder(t))
	for extra, says := range map[string]string{
		"blk.1.post_attention_norm.weight": "no place",
		"blk.1.attn_output.bias":           "layer 1 has other tensors",
	} {
		_, err := New(openCheckpoint(t, writeGGUF(t, k, formats.F32, extra)), Options{})
		if !errors.Is(err, formats.ErrUnsupported) || !strings.Contains(err.Error(), says) {
			t.Errorf("with a tensor %s: %v", extra, err)
		}
	}
	plan, err := checkpoint.Open(filepath.Join(checkpointtest.Load(t, "llama").Folder(t), "config.json"))
	if err != nil {
		t.Fatal(err)
	}
	defer plan.Close()
	if _, err := New(plan, Options{}); !errors.Is(err, formats.ErrUnsupported) {
		t.Errorf("a plan without weights: %v", err)
	}
}
