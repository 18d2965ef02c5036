//go:build linux || darwin || freebsd

package file

import (
	"path/filepath"
	"strings"
	"testing"

	"golang.org/x/sys/unix"
)

// A pipe is refused at once: opening it would wait for a writer, deaf to signals.
func TestMapDoesNotWaitForAPipe(t *testing.T) {
	path := filepath.Join(t.TempDir(), "pipe")
	if err := unix.Mkfifo(path, 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := Map(path); err == nil || !strings.Contains(err.Error(), "is a pipe") {
		t.Errorf("error %v", err)
	}
}
