package file

import (
	"errors"
	"fmt"
	"os"
)

// ErrBusy marks a file that another process is writing.
var ErrBusy = errors.New("another process is writing it")

// Lock locks path, an empty file that it creates if need be, until release is called or this process ends, however it
// ends. It fails with ErrBusy when another process holds the lock. On systems without advisory locks it does nothing.
func Lock(path string) (release func(), err error) {
	f, err := OpenOwn(path, os.O_RDWR)
	if err != nil {
		return nil, err
	}
	if !lock(f) {
		f.Close()
		return nil, fmt.Errorf("%s: %w", path, ErrBusy)
	}
	return func() { f.Close() }, nil
}
