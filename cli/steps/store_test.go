package steps

import (
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"runtime"
	"testing"

	"bitmill/formats/file"
)

func TestRecordIsTrustedOnlyWhileKeyAndOutputsMatch(t *testing.T) {
	s := Store{t.TempDir()}
	key, err := file.Key("input", 7, map[string]int{"a": 1})
	if err != nil {
		t.Fatal(err)
	}
	out := filepath.Join(s.Dir, "a.gguf")
	if err := os.WriteFile(out, []byte("bytes"), 0o644); err != nil {
		t.Fatal(err)
	}
	sum, err := HashFile(out)
	if err != nil {
		t.Fatal(err)
	}
	o := file.Written{Path: "a.gguf", Bytes: 5, SHA256: sum}
	if _, ok := s.Done("quantize", key); ok {
		t.Fatal("a step never saved is done")
	}
	if err := s.Save("quantize", key, []file.Written{o}, map[string]float64{"seconds": 1.5}); err != nil {
		t.Fatal(err)
	}
	r, ok := s.Done("quantize", key)
	if !ok || string(r.Data) == "" {
		t.Fatalf("saved step: done %v, data %s", ok, r.Data)
	}
	other, _ := file.Key("input", 8)
	if _, ok := s.Done("quantize", other); ok {
		t.Error("done under another key")
	}
	if _, ok := s.Intact("quantize"); !ok {
		t.Error("an output as it was written is not intact")
	}
	if found, ok := Recorded(out); !ok || found != o {
		t.Errorf("recorded: %v, %v; want %v", found, ok, o)
	}
	if _, ok := Recorded(filepath.Join(s.Dir, "b.gguf")); ok {
		t.Error("a file nobody wrote is recorded")
	}
	for name, change := range map[string]func(){
		"changed": func() { os.WriteFile(out, []byte("bytez"), 0o644) },
		"shorter": func() { os.WriteFile(out, []byte("byte"), 0o644) },
		"gone":    func() { os.Remove(out) },
	} {
		change()
		if _, ok := s.Done("quantize", key); ok {
			t.Errorf("done although the output is %s", name)
		}
		if _, ok := s.Intact("quantize"); ok {
			t.Errorf("intact although the output is %s", name)
		}
	}
}

func TestJournalKeepsWholeLinesOfItsKey(t *testing.T) {
	s := Store{t.TempDir()}
	read := func(key string) (got []int) {
		t.Helper()
		j, err := s.OpenJournal("eval", key, func(line []byte) error {
			var v struct{ N int }
			err := json.Unmarshal(line, &v)
			got = append(got, v.N)
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
		j.Close()
		return got
	}
	write := func(key string, values ...int) {
		t.Helper()
		j, err := s.OpenJournal("eval", key, func([]byte) error { return nil })
		if err != nil {
			t.Fatal(err)
		}
		defer j.Close()
		for _, v := range values {
			if err := j.Append(struct{ N int }{v}); err != nil {
				t.Fatal(err)
			}
		}
	}
	write("k", 1, 2)
	write("k", 3)
	if got := read("k"); len(got) != 3 || got[2] != 3 {
		t.Fatalf("kept %v, want [1 2 3]", got)
	}
	// A crash in the middle of a line loses that line only, and the next line is not glued to it.
	path := filepath.Join(s.Dir, ".bitmill", "eval.jsonl")
	whole, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	for cut := len(whole) - 1; cut >= 0; cut-- {
		if err := os.WriteFile(path, whole[:cut], 0o644); err != nil {
			t.Fatal(err)
		}
		before := len(read("k"))
		write("k", 9)
		if got := read("k"); len(got) != before+1 || got[before] != 9 {
			t.Fatalf("cut at %d: %v after appending 9 to %d lines", cut, got, before)
		}
	}
	write("k", 1)
	if got := read("other"); len(got) != 0 {
		t.Errorf("a journal of another key gave %v", got)
	}
	if got := read("k"); len(got) != 0 {
		t.Errorf("the old journal survived a change of key: %v", got)
	}
}

func TestLockKeepsASecondRunOut(t *testing.T) {
	s := Store{filepath.Join(t.TempDir(), "new")}
	release, err := s.Lock()
	if err != nil {
		t.Fatal(err)
	}
	if _, err := s.Lock(); err != nil && !errors.Is(err, ErrBusy) {
		t.Errorf("second lock: %v", err)
	} else if err == nil && runtime.GOOS != "windows" {
		t.Error("second lock was granted")
	}
	release()
	again, err := s.Lock()
	if err != nil {
		t.Fatalf("after release: %v", err)
	}
	again()
}

// A record that names a file outside its folder, as only somebody else can have written, is none.
func TestRecordStaysInItsFolder(t *testing.T) {
	dir := t.TempDir()
	s := Store{filepath.Join(dir, "out")}
	precious := filepath.Join(dir, "precious")
	if err := os.WriteFile(precious, []byte("x"), 0o644); err != nil {
		t.Fatal(err)
	}
	sum, err := HashFile(precious)
	if err != nil {
		t.Fatal(err)
	}
	for _, path := range []string{"../precious", precious, "a/../../precious"} {
		if err := s.Save("publish", "key", []file.Written{{Path: path, Bytes: 1, SHA256: sum}}, nil); err != nil {
			t.Fatal(err)
		}
		if r, ok := s.Intact("publish"); ok {
			t.Errorf("%s: %+v", path, r.Outputs)
		}
	}
}
