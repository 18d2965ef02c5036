package file

import (
	"errors"
	"path/filepath"
	"runtime"
	"testing"
)

func TestLockIsHeldOnce(t *testing.T) {
	path := filepath.Join(t.TempDir(), "lock")
	release, err := Lock(path)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := Lock(path); !errors.Is(err, ErrBusy) && runtime.GOOS != "windows" {
		t.Errorf("second lock: %v", err)
	}
	release()
	again, err := Lock(path)
	if err != nil {
		t.Fatalf("after release: %v", err)
	}
	again()
}

func TestTargetIsASource(t *testing.T) {
	dir := t.TempDir()
	source, out := filepath.Join(dir, "a"), filepath.Join(dir, "b")
	if err := Write(source, []byte("x")); err != nil {
		t.Fatal(err)
	}
	if !Same(source, filepath.Join(dir, ".", "a")) || Same(source, out) || Same(out, out) {
		t.Error("Same: a path to itself, to another file, to nothing")
	}
	if err := CheckTarget(out, source); err != nil {
		t.Error(err)
	}
	if err := CheckTarget(source, out, source); err == nil {
		t.Error("a source was accepted as target")
	}
}

func TestRoomForFilesTogether(t *testing.T) {
	dir := t.TempDir()
	if err := CheckRoom(map[string]int64{filepath.Join(dir, "a"): 10, filepath.Join(dir, "b"): 0}); err != nil {
		t.Error(err)
	}
	if _, ok := freeSpace(dir); !ok {
		return
	}
	half := map[string]int64{filepath.Join(dir, "a"): 1 << 61, filepath.Join(dir, "b"): 1 << 61}
	if err := CheckRoom(half); !errors.Is(err, ErrNoSpace) {
		t.Errorf("2 times 2^61 bytes: %v", err)
	}
}
