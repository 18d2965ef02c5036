package file

import (
	"os"
	"slices"
	"sync"
	"unsafe"
)

// mapped lists the open mappings, so that Release touches nothing else, and that no file is overwritten while it is read.
var mapped struct {
	sync.Mutex
	list []*Mapped
}

func register(m *Mapped) {
	mapped.Lock()
	defer mapped.Unlock()
	mapped.list = append(mapped.list, m)
}

func unregister(m *Mapped) {
	mapped.Lock()
	defer mapped.Unlock()
	mapped.list = slices.DeleteFunc(mapped.list, func(o *Mapped) bool { return o == m })
}

// isMapped reports whether a file is mapped.
func isMapped(st os.FileInfo) bool {
	mapped.Lock()
	defer mapped.Unlock()
	return slices.ContainsFunc(mapped.list, func(m *Mapped) bool { return os.SameFile(m.info, st) })
}

// Release tells the system that b, part of a mapped file, will not be read again soon: its pages, those that it begins
// and ends in too, leave this process's memory and come back from the file when they are read all the same. A long
// pass over a large file so stays small. Bytes outside any open mapping are left alone.
func Release(b []byte) {
	if len(b) == 0 {
		return
	}
	mapped.Lock()
	defer mapped.Unlock()
	at := uintptr(unsafe.Pointer(&b[0]))
	for _, m := range mapped.list {
		base := uintptr(unsafe.Pointer(&m.m[0]))
		if at < base || at+uintptr(len(b)) > base+uintptr(len(m.m)) {
			continue
		}
		page := uintptr(os.Getpagesize())
		first := (at - base) / page * page
		end := min((at-base+uintptr(len(b))+page-1)/page*page, uintptr(len(m.m)))
		release(m.m[first:end])
		return
	}
}
