package pipeline

import (
	"encoding/binary"
	"errors"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"

	"bitmill/eval/report"
	"bitmill/formats/checkpoint"
	"bitmill/formats/safetensors"
)

// poke overwrites a value of a matrix of llama's second row, as BF16, and returns what was there.
func poke(t *testing.T, model string, bits uint16) (old uint16) {
	t.Helper()
	path := filepath.Join(model, "model.safetensors")
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	f, err := safetensors.Parse("model.safetensors", data)
	if err != nil {
		t.Fatal(err)
	}
	i := slices.IndexFunc(f.Tensors, func(s safetensors.Tensor) bool { return s.Name == "model.layers.0.mlp.up_proj.weight" })
	if i < 0 {
		t.Fatal("no such tensor")
	}
	at := f.Tensors[i].Data[2*256:]
	old = binary.LittleEndian.Uint16(at)
	binary.LittleEndian.PutUint16(at, bits)
	if err := os.WriteFile(path, data, 0o644); err != nil {
		t.Fatal(err)
	}
	return old
}

const reasonF16 = "F16: 1 tensor (blk.0.ffn_up.weight) holds 70144 in row 1, column 0, beyond 65504, the largest number " +
	"of F16; BF16 holds it, as the format or for this tensor alone (--tensor-type '^blk\\.0\\.ffn_up\\.weight$=BF16')"

// TestBlockedFormat: a value that F16 cannot hold leaves F16 out. The second run says the same without reading; once
// the value is repaired, F16 is made too.
func TestBlockedFormat(t *testing.T) {
	model := llama(t)
	o := options(t, model)
	o.Formats, o.NoImatrix = []string{"F16", "Q8_0", "BF16"}, true
	old := poke(t, model, 0x4789) // 70144
	want := []report.Blocked{{Model: "m", Formats: []string{"F16"}, Reason: reasonF16}}
	for _, done := range [][]string{phases[1:], nil} {
		s, r := mustRun(t, o)
		if !reflect.DeepEqual(s.Report.Blocked, want) || !r.warned("m: "+reasonF16) || !slices.Equal(r.done, done) {
			t.Fatalf("blocked %q, warnings %q, steps %q", s.Report.Blocked, r.warnings, r.done)
		}
		if m := s.Report.Models[0]; len(m.Artifacts) != 2 || m.Artifacts[0].Format != "Q8_0" || m.Artifacts[1].Format != "BF16" ||
			!slices.Contains(m.Warnings, "m: "+reasonF16) {
			t.Errorf("%d artifacts, warnings %q", len(m.Artifacts), m.Warnings)
		}
		if list, _ := filepath.Glob(filepath.Join(o.Out, "m", "*F16*")); len(list) != 1 || filepath.Base(list[0]) != "m-BF16.gguf" {
			t.Errorf("left: %q", list)
		}
		for _, name := range reportNames {
			if data, err := os.ReadFile(filepath.Join(o.Out, name)); err != nil || !strings.Contains(string(data), "70144") {
				t.Errorf("%s does not give the reason: %v", name, err)
			}
		}
	}
	poke(t, model, old)
	if s, r := mustRun(t, o); s.Report.Blocked != nil || len(s.Report.Models[0].Artifacts) != 3 || r.warned("70144") {
		t.Errorf("repaired: blocked %q, %d artifacts", s.Report.Blocked, len(s.Report.Models[0].Artifacts))
	}
}

// TestBlockedModel: a model of which nothing can be made is the error when it is alone, and leaves the others to be made.
func TestBlockedModel(t *testing.T) {
	for name, tt := range map[string]struct {
		bits   uint16
		format string
		is     func(error) bool
	}{
		"beyond F16": {0x4789, "F16", func(err error) bool { return errors.As(err, new(*blockedModelError)) }},
		"NaN":        {0x7fc0, "Q8_0", func(err error) bool { return errors.As(err, new(*checkpoint.NotFiniteError)) }},
	} {
		t.Run(name, func(t *testing.T) {
			model := llama(t)
			o := options(t, model)
			o.Formats, o.NoImatrix = []string{tt.format}, true
			other := filepath.Join(filepath.Dir(model), "whole")
			if err := os.CopyFS(other, os.DirFS(model)); err != nil {
				t.Fatal(err)
			}
			poke(t, model, tt.bits)
			if s, err := Run(t.Context(), o, nil); !tt.is(err) || s.Path != "" {
				t.Fatalf("alone: %v, report %q", err, s.Path)
			}
			if list, _ := filepath.Glob(filepath.Join(o.Out, "m", "*.gguf*")); list != nil {
				t.Errorf("left: %q", list)
			}
			o.Models = []string{model, other}
			s, r := mustRun(t, o)
			b := s.Report.Blocked
			if len(b) != 1 || b[0].Model != "m" || !slices.Equal(b[0].Formats, o.Formats) ||
				!strings.Contains(b[0].Reason, "in row 1, column 0") || !r.warned("m is left out, since nothing can be made of it") {
				t.Errorf("blocked %q, warnings %q", b, r.warnings)
			}
			if m := s.Report.Models; len(m) != 1 || m[0].Name != "whole" || len(m[0].Artifacts) != 1 || s.Path == "" {
				t.Errorf("%d models", len(m))
			}
		})
	}
}
