// Package file reads and writes files for all of bitmill: files mapped for reading; files that appear under their final
// name complete and synced, or not at all; journals, locks and checks of targets and free space.
package file

import (
	"cmp"
	"fmt"
	"os"
	"slices"
	"sync"
	"unsafe"

	"github.com/edsrzf/mmap-go"
)

// Mapped is a file mapped into memory, read-only.
type Mapped struct {
	Path string
	Data []byte // the whole file; valid until Close
	m    mmap.MMap
	info os.FileInfo
}

// Map maps the file. An empty file has no mapping and empty Data.
func Map(path string) (*Mapped, error) {
	f, st, err := Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	if st.Size() == 0 {
		return &Mapped{Path: path}, nil
	}
	m, err := mmap.Map(f, mmap.RDONLY, 0)
	if err != nil {
		return nil, fmt.Errorf("map %s: %w", path, err)
	}
	mapping := &Mapped{Path: path, Data: m, m: m, info: st}
	register(mapping)
	return mapping, nil
}

// Close unmaps the file; Data must not be used afterwards.
func (m *Mapped) Close() error {
	m.Data = nil
	if m.m == nil {
		return nil
	}
	unregister(m)
	return m.m.Unmap()
}

// mapped lists the open mappings: Release touches nothing else, and no mapped file is overwritten.
var mapped struct {
	sync.Mutex
	list []*Mapped
	gone []span // unmapped since the last one was mapped: a panic by a fault unmaps before it is recovered
	lost error  // of the first file that had changed when it was unmapped
}

func register(m *Mapped) {
	mapped.Lock()
	defer mapped.Unlock()
	mapped.list, mapped.gone = append(mapped.list, m), nil
}

func unregister(m *Mapped) {
	err := m.unchanged()
	mapped.Lock()
	defer mapped.Unlock()
	mapped.list = slices.DeleteFunc(mapped.list, func(o *Mapped) bool { return o == m })
	mapped.gone = append(mapped.gone, m.span())
	mapped.lost = cmp.Or(mapped.lost, err)
}

// isMapped reports whether a file is mapped.
func isMapped(st os.FileInfo) bool {
	mapped.Lock()
	defer mapped.Unlock()
	return slices.ContainsFunc(mapped.list, func(m *Mapped) bool { return os.SameFile(m.info, st) })
}

// Release tells the system that b, part of a mapped file, will not be read again soon. Its pages, including those at
// both ends, leave this process's memory and come back from the file if they are read again, so that a long pass over a
// large file takes little memory. Bytes outside any open mapping are left alone.
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
