package pipeline_test

import (
	"context"
	"fmt"
	"os"
	"path/filepath"

	"bitmill/cli/pipeline"
	"bitmill/formats/demo"
)

// listener prints the warnings; Discard hears the rest.
type listener struct{ pipeline.Discard }

func (listener) Warn(text string) { fmt.Println("warning:", text) }

// A model in two formats, measured on two windows of a text. The files are in Out, the figures in the report.
func Example() {
	dir, err := os.MkdirTemp("", "pipeline")
	if err != nil {
		panic(err)
	}
	defer os.RemoveAll(dir)
	model := filepath.Join(dir, "demo-s")
	if err := writeModel(model); err != nil {
		panic(err)
	}
	s, err := pipeline.Run(context.Background(), pipeline.Options{
		Models: []string{model}, Out: filepath.Join(dir, "out"), Formats: []string{"Q8_0", "Q3_K_S"},
		NoImatrix: true, Context: 64, Windows: 2,
	}, listener{})
	if err != nil {
		panic(err)
	}
	for _, a := range s.Report.Models[0].Artifacts {
		fmt.Printf("%s: %s bits per weight, divergence below 0.1 nats: %t\n", a.Path, a.BPW, a.KLD < 0.1)
	}
	// Output:
	// warning: no evaluation text was given: the built-in one is taken, which is general; on other texts the figures differ
	// demo-s/demo-s-Q8_0.gguf: 8.5124 bits per weight, divergence below 0.1 nats: true
	// demo-s/demo-s-Q3_K_S.gguf: 4.4135 bits per weight, divergence below 0.1 nats: true
}

func writeModel(dir string) error {
	if err := os.Mkdir(dir, 0o755); err != nil {
		return err
	}
	files, err := demo.Models()[0].Files()
	if err != nil {
		return err
	}
	for _, f := range files {
		if err := os.WriteFile(filepath.Join(dir, f.Name), f.Data, 0o644); err != nil {
			return err
		}
	}
	return nil
}
