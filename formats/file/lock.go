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
	f, err := OpenLocked(path)
	if err != nil {
		return nil, err
	}
	return func() { f.Close() }, nil
}

// OpenLocked is OpenOwn, for reading and writing, of a file that one process may have at a time: it is locked as by Lock
// until it is closed.
func OpenLocked(path string) (*os.File, error) {
	for {
		f, err := OpenOwn(path, os.O_RDWR)
		if err != nil {
			return nil, err
		}
		if !lock(f) {
			f.Close()
			return nil, fmt.Errorf("%s: %w", path, ErrBusy)
		}
		// Another process may have renamed or removed the file between the two calls: then this one is not ours.
		mine, errMine := f.Stat()
		now, errNow := os.Stat(path)
		if errMine == nil && errNow == nil && os.SameFile(mine, now) {
			return f, nil
		}
		f.Close()
	}
}
