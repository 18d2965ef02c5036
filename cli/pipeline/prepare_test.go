package pipeline

import (
	"errors"
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"bitmill/cli/steps"
	"bitmill/formats/file"
)

// TestCheck: it finds what Run would stop for, knows how much will be written, and writes nothing.
func TestCheck(t *testing.T) {
	o := options(t, llama(t))
	o.Out = filepath.Join(o.Out, "deep", "er")
	need, err := Check(t.Context(), o, Discard{})
	if err != nil || need <= 0 {
		t.Fatalf("%d bytes, %v", need, err)
	}
	if _, err := os.Stat(filepath.Dir(o.Out)); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("the check made a folder: %v", err)
	}
	if err := CheckRoom(o.Out, math.MaxInt64); !errors.Is(err, file.ErrNoSpace) {
		t.Errorf("8 EiB fit: %v", err)
	}
	if err := CheckRoom(o.Out, need); err != nil {
		t.Error(err)
	}
	s, err := Run(t.Context(), o, nil)
	if err != nil {
		t.Fatal(err)
	}
	written := int64(0)
	for _, a := range s.Report.Models[0].Artifacts {
		written += a.FileBytes
	}
	// The plan does not know the imatrix yet, whose name and hash become metadata.
	if need > written || need < written-4096 {
		t.Errorf("%d bytes were announced, %d written", need, written)
	}
	if need, err = Check(t.Context(), o, Discard{}); err != nil || need != 0 {
		t.Errorf("after the run: %d bytes, %v", need, err)
	}
	for name, change := range map[string]func(*Options){
		"no such model":   func(o *Options) { o.Models = []string{"nowhere"} },
		"nowhere.txt":     func(o *Options) { o.Text = "nowhere.txt" },
		"too short":       func(o *Options) { o.Context = 1 << 20 },
		"nowhere.yaml":    func(o *Options) { o.Budget = "nowhere.yaml" },
		"IQ2_XXS":         func(o *Options) { o.Formats, o.NoImatrix = []string{"IQ2_XXS"}, true },
		"is not a folder": func(o *Options) { o.Out = filepath.Join(o.Models[0], "config.json") },
		"one model":       func(o *Options) { o.Models = append(o.Models, o.Models[0]); o.Source.Adapter = "x" },
		"to the folder m": func(o *Options) { o.Models = append(o.Models, o.Models[0]) },
	} {
		o := o
		change(&o)
		_, err := Check(t.Context(), o, Discard{})
		if err == nil || name != "no such model" && !strings.Contains(err.Error(), name) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// TestForeignFilesStay: a report that somebody else wrote is replaced only if the options say so.
func TestForeignFilesStay(t *testing.T) {
	o := options(t, llama(t))
	path := filepath.Join(o.Out, "report.md")
	if err := errors.Join(os.MkdirAll(o.Out, 0o755), os.WriteFile(path, []byte("mine"), 0o644)); err != nil {
		t.Fatal(err)
	}
	if _, err := Run(t.Context(), o, nil); !errors.Is(err, steps.ErrForeign) {
		t.Errorf("a run over somebody's file: %v", err)
	}
	if b, err := os.ReadFile(path); err != nil || string(b) != "mine" {
		t.Errorf("the file holds %q, %v", b, err)
	}
	o.Force = true
	if _, err := Run(t.Context(), o, nil); err != nil {
		t.Error(err)
	}
}
