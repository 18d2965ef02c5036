package cli

import (
	"go/parser"
	"go/token"
	"io/fs"
	"path/filepath"
	"strings"
	"testing"
)

// TestNoOtherDoors: outside formats/store, which reads and writes the objects that URLs name, nothing in bitmill talks
// to a network; and nothing starts a program or loads code.
func TestNoOtherDoors(t *testing.T) {
	doors := map[string]bool{"net": true, "net/http": true, "net/rpc": true, "net/smtp": true, "os/exec": true,
		"plugin": true}
	checked := 0
	err := filepath.WalkDir("..", func(path string, d fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case d.IsDir() && (strings.HasPrefix(d.Name(), "_") || d.Name() == "testdata" || d.Name() == ".git" ||
			path == filepath.Join("..", "formats", "store")):
			return filepath.SkipDir
		case filepath.Ext(path) != ".go" || strings.HasSuffix(path, "_test.go"):
			return nil
		}
		f, err := parser.ParseFile(token.NewFileSet(), path, nil, parser.ImportsOnly)
		if err != nil {
			return err
		}
		checked++
		for _, im := range f.Imports {
			if doors[strings.Trim(im.Path.Value, `"`)] {
				t.Errorf("%s imports %s", path, im.Path.Value)
			}
		}
		return nil
	})
	if err != nil || checked < 100 {
		t.Errorf("%d files were checked: %v", checked, err)
	}
}
