package store

import (
	"unsafe"

	"golang.org/x/sys/windows"
)

// reserve takes addresses without memory behind them: reading one is a fault.
func reserve(size int64) ([]byte, error) {
	at, err := windows.VirtualAlloc(0, uintptr(size), windows.MEM_RESERVE, windows.PAGE_NOACCESS)
	if err != nil {
		return nil, err
	}
	// The address is not one of Go's memory: it goes through a pointer to it.
	return unsafe.Slice(*(**byte)(unsafe.Pointer(&at)), int(size)), nil
}

func address(b []byte) uintptr { return uintptr(unsafe.Pointer(&b[0])) }

func unreserve(b []byte) error { return windows.VirtualFree(address(b), 0, windows.MEM_RELEASE) }

// populate puts memory behind whole pages.
func populate(b []byte) error {
	_, err := windows.VirtualAlloc(address(b), uintptr(len(b)), windows.MEM_COMMIT, windows.PAGE_READWRITE)
	return err
}

// drop gives the memory of whole pages back.
func drop(b []byte) { _ = windows.VirtualFree(address(b), uintptr(len(b)), windows.MEM_DECOMMIT) }
