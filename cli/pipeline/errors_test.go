package pipeline

import (
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"bitmill/eval/diff"
	"bitmill/formats/checkpoint"
	"bitmill/formats/checkpoint/checkpointtest"
	"bitmill/formats/demo"
)

// TestTensorErrors: without an imatrix the errors in the report, those of stacked experts too, are what comparing the
// two files finds; a second run takes them from the store.
func TestTensorErrors(t *testing.T) {
	source := checkpointtest.Load(t, "mixtral").FolderWithTokenizer(t)
	out, text := t.TempDir(), filepath.Join(t.TempDir(), "text.txt")
	if err := os.WriteFile(text, []byte(demo.Evaluation[:6000]), 0o644); err != nil {
		t.Fatal(err)
	}
	o := Options{Models: []string{source}, Out: out, Formats: []string{"Q8_0", "Q4_0"}, NoImatrix: true, Text: text,
		Windows: 2, Context: 64}
	summary, heard := mustRun(t, o)
	said := func(r *recorder) bool {
		return slices.ContainsFunc(r.done, func(s string) bool { return strings.HasPrefix(s, "errors ") })
	}
	if !said(heard) {
		t.Error(heard.done)
	}
	m := &summary.Report.Models[0]
	if !slices.ContainsFunc(m.TensorNames, func(s string) bool { return strings.Contains(s, "ffn_up_exps") }) ||
		!strings.Contains(m.TensorNote, "all count alike") &&
			!strings.Contains(m.TensorNote, "All columns count alike") {
		t.Errorf("%q %v", m.TensorNote, m.TensorNames)
	}
	a, err := checkpoint.Open(source)
	if err != nil {
		t.Fatal(err)
	}
	defer a.Close()
	for _, row := range m.Artifacts {
		b, err := checkpoint.Open(filepath.Join(out, row.Path))
		if err != nil {
			t.Fatal(err)
		}
		defer b.Close()
		d, err := diff.Models(t.Context(), a, b, checkpoint.Pass{})
		if err != nil {
			t.Fatal(err)
		}
		checked := 0
		for _, x := range d.TensorsDiffer {
			i := slices.Index(m.TensorNames, x.Name)
			if i < 0 || !x.B.Type.Quantized() {
				continue
			}
			checked++
			if got := row.TensorErrors[i]; math.Abs(got/x.Value.Relative-1) > 1e-4 {
				t.Errorf("%s %s: %v, not %v", row.Format, x.Name, got, x.Value.Relative)
			}
		}
		if checked < 10 {
			t.Errorf("%s: %d tensors were compared", row.Format, checked)
		}
	}
	if _, heard := mustRun(t, o); said(heard) {
		t.Errorf("measured again: %q", heard.done)
	}
}
