//go:build linux || darwin || freebsd

package steps

import (
	"fmt"
	"os"
	"path/filepath"

	"golang.org/x/sys/unix"
)

// lockWorks says whether Lock keeps anybody out on this system.
const lockWorks = true

// Lock keeps other runs out of the store's folder until release is called or the process ends, however it ends. It
// fails with ErrBusy when another run holds the lock.
func (s Store) Lock() (release func(), err error) {
	f, err := os.OpenFile(filepath.Join(s.Dir, ".bitmill", "lock"), os.O_RDWR|os.O_CREATE, 0o644)
	if err != nil {
		return nil, err
	}
	if err := unix.Flock(int(f.Fd()), unix.LOCK_EX|unix.LOCK_NB); err != nil {
		f.Close()
		if err == unix.EWOULDBLOCK {
			return nil, fmt.Errorf("%s: %w", s.Dir, ErrBusy)
		}
		return nil, err
	}
	return func() { f.Close() }, nil
}
