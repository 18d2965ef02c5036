package safetensors

import (
	"os"
	"path/filepath"
	"testing"
)

// FuzzIndex: no model.safetensors.index.json beside two shards panics, and no file outside the folder is opened.
func FuzzIndex(f *testing.F) {
	dir := f.TempDir()
	for name, header := range map[string]string{
		"a.safetensors": `{"x":{"dtype":"U8","shape":[1],"data_offsets":[0,1]}}`,
		"b.safetensors": `{"y":{"dtype":"U8","shape":[1],"data_offsets":[0,1]}}`,
	} {
		if err := os.WriteFile(filepath.Join(dir, name), build(header, 1), 0o644); err != nil {
			f.Fatal(err)
		}
	}
	f.Add([]byte(`{"metadata":{"total_size":2},"weight_map":{"x":"a.safetensors","y":"b.safetensors"}}`), uint8(0))
	f.Add([]byte(`{"weight_map":{"x":"b.safetensors","y":"../a.safetensors"}}`), uint8(1))
	f.Add([]byte(`{"weight_map":{"x":"/etc/passwd","y":"c.safetensors"}}`), uint8(2))
	f.Add([]byte(`{"weight_map":{"x":"a.safetensors","x":"."}}`), uint8(0))
	f.Fuzz(func(t *testing.T, index []byte, unneeded uint8) {
		if err := os.WriteFile(filepath.Join(dir, indexName), index, 0o644); err != nil {
			t.Fatal(err)
		}
		folder, err := OpenFolder(dir, func(names []string) func(string) bool {
			return func(name string) bool { return len(name)%3 == int(unneeded%4) }
		})
		if err != nil {
			return
		}
		defer folder.Close()
		for _, file := range folder.Files {
			if filepath.Dir(file.Path) != dir {
				t.Errorf("%s was opened", file.Path)
			}
		}
	})
}
