package quantize

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"bitmill/formats/file/filetest"
)

// The disk fails in every way it can while two artifacts replace earlier ones: these survive, nothing else is left,
// and the next attempt succeeds.
func TestDiskFaults(t *testing.T) {
	c := openCase(t, "llama")
	want := writeAll(t, c, t.TempDir(), 1, "Q4_K_M", "Q8_0")
	for name, fault := range map[string]filetest.Fault{
		"full at the header":   {Op: "write", Err: syscall.ENOSPC},
		"full after a part":    {Op: "write", After: 2, Part: 1000, Err: syscall.ENOSPC},
		"broken disk":          {Op: "write", After: 1, Err: syscall.EIO},
		"first sync":           {Op: "sync", Err: syscall.EIO},
		"sync of a later mark": {Op: "sync", After: 2, Err: syscall.EIO}, // marks are left out while one is being made, so there may be few
		"rename":               {Op: "rename", Err: syscall.EACCES},
	} {
		for _, key := range []string{"", "key"} {
			if name == "sync of a later mark" && key == "" {
				continue // there are only the two at the end
			}
			t.Run(name+" "+key, func(t *testing.T) {
				dir := t.TempDir()
				artifacts := keyed(t, c, dir, "Q4_K_M", "Q8_0")
				for i := range artifacts {
					artifacts[i].ResumeKey = key
					if err := os.WriteFile(artifacts[i].Path, []byte("earlier"), 0o644); err != nil {
						t.Fatal(err)
					}
				}
				t.Run("fails", func(t *testing.T) {
					struck := filetest.Inject(t, fault)
					written, err := Write(context.Background(), c, nil, artifacts, WriteOptions{JournalEvery: atOnce})
					if !errors.Is(err, fault.Err) || struck() == 0 || len(written) != 0 {
						t.Fatalf("%v, %v after %d faults", written, err, struck())
					}
					if text := err.Error(); !strings.HasPrefix(text, dir) || !strings.Contains(text, "gguf cannot be written: ") || strings.Contains(text, ".part") {
						t.Errorf("error %q", text)
					}
				})
				list, err := os.ReadDir(dir)
				if err != nil || len(list) != len(artifacts) {
					t.Errorf("%v, %v", list, err)
				}
				for _, j := range artifacts {
					if b, err := os.ReadFile(j.Path); err != nil || string(b) != "earlier" {
						t.Errorf("%s holds %d bytes, %v", j.Path, len(b), err)
					}
				}
				written, err := Write(context.Background(), c, nil, artifacts, WriteOptions{})
				if err != nil || !equal([]string{written[0].SHA256, written[1].SHA256}, want) {
					t.Errorf("the next attempt: %v, %v", written, err)
				}
			})
		}
	}
}

// Of two artifacts the second cannot get its name: the first is complete and reported.
func TestSecondNameFails(t *testing.T) {
	c, dir := openCase(t, "llama"), t.TempDir()
	artifacts := keyed(t, c, dir, "Q4_K_M", "Q8_0")
	filetest.Inject(t, filetest.Fault{Op: "rename", Path: artifacts[1].Path, Err: syscall.EIO})
	var done []string
	written, err := Write(context.Background(), c, nil, artifacts, WriteOptions{Done: func(w Written) error {
		done = append(done, w.Path)
		return nil
	}})
	if !errors.Is(err, syscall.EIO) || len(written) != 1 || len(done) != 1 || done[0] != artifacts[0].Path {
		t.Fatalf("%v, %v, %v", written, done, err)
	}
	if list, _ := filepath.Glob(filepath.Join(dir, "*")); len(list) != 1 || list[0] != artifacts[0].Path {
		t.Errorf("left: %v", list)
	}
}

// An error before anything is done keeps what an interrupted process left.
func TestRefusalKeepsWhatIsThere(t *testing.T) {
	c, dir := openCase(t, "llama"), t.TempDir()
	artifacts := keyed(t, c, dir, "Q4_K_M", "Q8_0")
	interrupt(t, c, artifacts, 0.5)
	if _, err := Write(context.Background(), c, nil, artifacts, WriteOptions{Reuse: []string{filepath.Join(dir, "none")}}); err == nil {
		t.Fatal("a donor that does not exist")
	}
	t.Run("second cannot be opened", func(t *testing.T) {
		filetest.Inject(t, filetest.Fault{Op: "open", Path: artifacts[1].Path + ".part", Err: syscall.EMFILE})
		if _, err := Write(context.Background(), c, nil, artifacts, WriteOptions{}); !errors.Is(err, syscall.EMFILE) {
			t.Fatal(err)
		}
	})
	written, err := Write(context.Background(), c, nil, artifacts, WriteOptions{})
	if err != nil {
		t.Fatal(err)
	}
	for _, w := range written {
		if w.Resumed == 0 {
			t.Errorf("nothing of %s was kept", w.Path)
		}
	}
}
