package feedback

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"bitmill/formats/file"
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
	if n, kept := s.Kept(); s.Len() != 2 || n != 1 || len(kept) != 1 || kept[0] != "w" || s.Check() != nil {
		t.Errorf("%d stored, %q kept, %v", s.Len(), kept, s.Check())
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
	if again, err := os.ReadFile(path + ".journal"); err != nil || len(again) == 0 {
		t.Errorf("the journal is gone: %v", err)
	}
	if s = open("b"); len(s.places) != 0 || s.Have("w", 0) != nil {
		t.Error("other inputs have the data")
	}
	if _, err := OpenStore(path, "b"); !errors.Is(err, file.ErrBusy) {
		t.Errorf("opened twice: %v", err)
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	if left, _ := filepath.Glob(path + "*"); left != nil {
		t.Errorf("an empty store leaves %q", left)
	}
}

// Activations are not written into a file that has another name, by way of a link or not.
func TestScratchIsNotFollowed(t *testing.T) {
	dir := t.TempDir()
	mine, scratch := filepath.Join(dir, "mine"), filepath.Join(dir, "scratch")
	for _, link := range []func(string, string) error{os.Link, os.Symlink} {
		if err := os.WriteFile(mine, []byte("mine"), 0o644); err != nil {
			t.Fatal(err)
		}
		os.Remove(scratch)
		if err := link(mine, scratch); err != nil {
			t.Log(err) // of the other kind there is one at least
			continue
		}
		if _, err := openShelf(scratch); err == nil {
			t.Error("a link was opened")
		}
		if data, err := os.ReadFile(mine); err != nil || string(data) != "mine" {
			t.Errorf("%q, %v", data, err)
		}
	}
}

// Names of neighbouring layers are one, and experts are counted.
func TestKept(t *testing.T) {
	s := &Store{places: map[key]place{}}
	for _, layer := range []int{0, 1, 2, 7, 10} {
		s.places[key{fmt.Sprintf("blk.%d.attn_k.weight", layer), 0}] = place{Before: 1, After: 1}
		s.places[key{fmt.Sprintf("blk.%d.attn_q.weight", layer), 0}] = place{Before: 1, After: 0.5}
	}
	for expert := range 5 {
		s.places[key{"blk.4.ffn_up_exps.weight", expert}] = place{Before: 1, After: float64(min(expert, 1))}
	}
	s.places[key{"blk.5.ffn_down_exps.weight", 3}] = place{Before: 1, After: 1}
	s.places[key{"output.weight", 0}] = place{Before: 2, After: 2}
	want := []string{"blk.0-2,7,10.attn_k.weight", "blk.4.ffn_up_exps.weight (4 experts)", "blk.5.ffn_down_exps.weight (1 expert)",
		"output.weight"}
	if n, got := s.Kept(); n != 11 || !slices.Equal(got, want) {
		t.Errorf("%d: %q, want %q", n, got, want)
	}
}
