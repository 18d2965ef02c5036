package file

import (
	"errors"
	"fmt"
	"os"
)

// ErrBusy marks a file that another process is writing.
var ErrBusy = errors.New("another process is writing it")

// Lock keeps other processes from locking path, a file of no content that it makes, until release is called or this
// process ends, however it ends. It fails with ErrBusy when another process holds the lock. Where the system has no
// advisory locks it keeps nobody out.
func Lock(path string) (release func(), err error) {
	f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE, 0o644)
	if err != nil {
		return nil, err
	}
	if !lock(f) {
		f.Close()
		return nil, fmt.Errorf("%s: %w", path, ErrBusy)
	}
	return func() { f.Close() }, nil
}
