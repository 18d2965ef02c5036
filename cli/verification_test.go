package cli

import (
	"errors"
	"os"
	"path/filepath"
	"testing"

	"bitmill/eval/report"
	"bitmill/formats"
)

// A report leads verify to files in its folder, and to no others.
func TestVerifyTargets(t *testing.T) {
	path := filepath.Join(t.TempDir(), "report.json")
	for name, ok := range map[string]bool{"m/m-Q4_0.gguf": true, "../m-Q4_0.gguf": false, "m/../../x": false, "/etc/x": false} {
		row := report.Blank("Q4_0")
		row.Path, row.SHA256 = name, "00"
		source := report.Blank("BF16")
		f, err := os.Create(path)
		if err != nil {
			t.Fatal(err)
		}
		r := &report.Report{Models: []report.Model{{Name: "m", Source: source, Artifacts: []report.Row{row}}}}
		if err := errors.Join(report.WriteJSON(f, r), f.Close()); err != nil {
			t.Fatal(err)
		}
		list, err := verifyTargets([]string{path})
		if ok != (err == nil) || !ok && !errors.Is(err, formats.ErrCorrupt) {
			t.Errorf("%s: %v, %v", name, list, err)
		}
	}
}
