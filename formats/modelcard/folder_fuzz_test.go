package modelcard

import (
	"os"
	"path/filepath"
	"testing"

	"bitmill/formats/gguf"
)

// FuzzFolder: no generation_config.json, modules.json or pooling configuration makes reading a folder panic.
func FuzzFolder(f *testing.F) {
	dir := f.TempDir()
	if err := os.Mkdir(filepath.Join(dir, "1_Pooling"), 0o755); err != nil {
		f.Fatal(err)
	}
	f.Add(`{"eos_token_id": [1, 2], "top_k": 50, "temperature": 0.6, "suppress_tokens": [1, -1], "repetition_penalty": null}`,
		`[{"path": "1_Pooling", "type": "sentence_transformers.models.Pooling"}]`, `{"pooling_mode_mean_tokens": true}`)
	f.Add(`{"top_k": 1e300, "min_p": NaN, "sequence": "a;b", "eos_token_id": 2}`,
		`[{"path": "../..", "type": "Pooling"}]`, `{"pooling_mode": "cls"}`)
	f.Fuzz(func(t *testing.T, generation, modules, pooling string) {
		for name, data := range map[string]string{"generation_config.json": generation, "modules.json": modules,
			"1_Pooling/config.json": pooling} {
			if err := os.WriteFile(filepath.Join(dir, name), []byte(data), 0o644); err != nil {
				t.Fatal(err)
			}
		}
		info, err := Read(dir, "org/name-7b", Size{Total: 7e9})
		if err != nil {
			t.Fatal(err)
		}
		info.AddTo(&gguf.Metadata{})
		EndTokens(dir)
	})
}
