package feedback

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// What is stored is there again under the same inputs, and what was damaged is noticed.
func TestStore(t *testing.T) {
	path := filepath.Join(t.TempDir(), "store")
	open := func(inputs string) *Store {
		t.Helper()
		s, err := OpenStore(path, inputs)
		if err != nil {
			t.Fatal(err)
		}
		return s
	}
	s := open("a")
	for i, data := range []string{"zero", "one!"} {
		if err := s.Put(Choice{Name: "w", Expert: i, Data: []byte(data), Before: 2, After: float64(1 + i)}); err != nil {
			t.Fatal(err)
		}
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	s = open("a")
	if n, kept := s.Summary(); n != 2 || kept != 1 || s.Check() != nil {
		t.Errorf("%d stored, %d kept, %v", n, kept, s.Check())
	}
	if got := s.Tensor("w", []byte("........two.")); string(got) != "zeroone!two." {
		t.Errorf("the tensor is %q", got)
	}
	if err := os.WriteFile(path, []byte("zeroONE!"), 0o666); err != nil {
		t.Fatal(err)
	}
	if err := s.Check(); err == nil || !strings.Contains(err.Error(), "tensor w: the data have changed") {
		t.Errorf("damaged data: %v", err)
	}
	s.Close()
	if s = open("b"); len(s.places) != 0 || s.Have("w", 0) != nil {
		t.Error("other inputs have the data")
	}
	if err := s.Remove(); err != nil {
		t.Fatal(err)
	}
}
