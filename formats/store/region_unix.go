//go:build linux || darwin || freebsd

package store

import "golang.org/x/sys/unix"

// reserve takes addresses without memory behind them: reading one is a fault.
func reserve(size int64) ([]byte, error) {
	return unix.Mmap(-1, 0, int(size), unix.PROT_NONE, unix.MAP_ANON|unix.MAP_PRIVATE)
}

func unreserve(b []byte) error { return unix.Munmap(b) }

// populate puts memory behind whole pages.
func populate(b []byte) error { return unix.Mprotect(b, unix.PROT_READ|unix.PROT_WRITE) }

// drop gives the memory of whole pages back.
func drop(b []byte) {
	_ = unix.Madvise(b, unix.MADV_DONTNEED)
	_ = unix.Mprotect(b, unix.PROT_NONE)
}
