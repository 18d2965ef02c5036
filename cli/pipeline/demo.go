package pipeline

import (
	"errors"
	"os"
	"path/filepath"

	"bitmill/formats/demo"
	"bitmill/formats/file"
)

// unpackDemo writes the embedded models as folders and returns their paths.
func unpackDemo(out string) ([]string, error) {
	var paths []string
	for _, m := range demo.Models() {
		dir := filepath.Join(out, "demo-models", m.Name)
		if err := os.MkdirAll(dir, 0o755); err != nil {
			return nil, err
		}
		files, err := m.Files()
		if err != nil {
			return nil, err
		}
		for _, f := range files {
			path := filepath.Join(dir, f.Name)
			if old, err := os.ReadFile(path); err == nil && hashBytes(old) == hashBytes(f.Data) {
				continue
			}
			if err := file.Write(path, f.Data); err != nil {
				return nil, err
			}
		}
		paths = append(paths, dir)
	}
	if len(paths) == 0 {
		return nil, UsageError{errors.New("this binary was built without the demo models: name a MODEL")}
	}
	return paths, nil
}
