//go:build !nodemo && !slim

package demo

import (
	"encoding/json"
	"strings"
	"testing"
)

func TestModelsAreWholeFolders(t *testing.T) {
	if len(Models()) != 2 {
		t.Fatalf("%d models", len(Models()))
	}
	for _, m := range Models() {
		files, err := m.Files()
		if err != nil {
			t.Fatal(err)
		}
		names := map[string][]byte{}
		for _, f := range files {
			names[f.Name] = f.Data
		}
		for _, want := range []string{"config.json", "model.safetensors", "tokenizer.json", "tokenizer_config.json"} {
			if len(names[want]) == 0 {
				t.Errorf("%s has no %s", m.Name, want)
			}
		}
		var config struct {
			Vocab int `json:"vocab_size"`
		}
		if err := json.Unmarshal(names["config.json"], &config); err != nil || config.Vocab != 4096 {
			t.Errorf("%s: vocabulary of %d, %v", m.Name, config.Vocab, err)
		}
	}
}

// TestTextsShareNothing: no line of the evaluation text that is long enough to mean something is in the other text.
func TestTextsShareNothing(t *testing.T) {
	for line := range strings.Lines(Evaluation) {
		if len(line) > 40 && strings.Contains(Calibration, line) {
			t.Errorf("both texts hold %q", line)
		}
	}
	if len(Calibration) < 50000 || len(Evaluation) < 50000 {
		t.Errorf("texts of %d and %d bytes are too short for the main job", len(Calibration), len(Evaluation))
	}
}
