package checkpoint

import (
	"os"
	"path/filepath"
	"testing"

	"bitmill/formats/checkpoint/checkpointtest"
)

// The smaller demo model, in a folder called s, as the converter wrote it. Its config.json has transformers' older
// spelling.
func TestConverterDemo(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "s")
	if err := os.Mkdir(dir, 0o777); err != nil {
		t.Fatal(err)
	}
	for _, file := range []string{"demo-s/config.json", "demo-s/model.safetensors", "tokenizer.json", "tokenizer_config.json"} {
		data, err := os.ReadFile(filepath.Join("../demo/data", file))
		if err != nil {
			t.Fatal(err)
		}
		checkpointtest.WriteFile(t, dir, filepath.Base(file), data)
	}
	c := open(t, dir)
	g := loadGolden(t, "demo-s")
	compareMetadata(t, c.Metadata, g)
	compareTensors(t, c, g)
}
