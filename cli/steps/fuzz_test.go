package steps

import (
	"os"
	"path/filepath"
	"testing"
)

// FuzzRecord: whatever a record in an output folder holds, it names no file outside the folder.
func FuzzRecord(f *testing.F) {
	s := Store{f.TempDir()}
	if err := os.MkdirAll(filepath.Dir(s.path("x")), 0o755); err != nil {
		f.Fatal(err)
	}
	f.Add([]byte(`{"step":"x","key":"k","outputs":[{"path":"a.gguf","bytes":3,"sha256":"00"}],"data":{"a":1}}`))
	f.Add([]byte(`{"step":"x","key":"k","outputs":[{"path":"../../etc/passwd","bytes":-1}]}`))
	f.Fuzz(func(t *testing.T, data []byte) {
		if err := os.WriteFile(s.path("x"), data, 0o644); err != nil {
			t.Fatal(err)
		}
		r, ok := s.read("x")
		s.Intact("x")
		Recorded(filepath.Join(s.Dir, "a.gguf"))
		if !ok {
			return
		}
		for _, o := range r.Outputs {
			if !filepath.IsLocal(o.Path) {
				t.Fatalf("the record names %q", o.Path)
			}
		}
	})
}
