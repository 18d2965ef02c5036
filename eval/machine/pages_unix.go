//go:build unix

package machine

import (
	"fmt"
	"unsafe"

	"golang.org/x/sys/unix"
)

func alloc(n int) (*Memory, error) {
	whole, err := unix.Mmap(-1, 0, n+hugePage, unix.PROT_READ|unix.PROT_WRITE, unix.MAP_PRIVATE|unix.MAP_ANON)
	if err != nil {
		return nil, fmt.Errorf("allocate %d bytes: %w", n, err)
	}
	start := int(-uintptr(unsafe.Pointer(&whole[0])) & (hugePage - 1))
	b := whole[start : start+n : start+n]
	advise(whole[start:])
	return &Memory{Bytes: b, whole: whole}, nil
}

func (m *Memory) free() { _ = unix.Munmap(m.whole) }
