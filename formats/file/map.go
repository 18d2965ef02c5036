// Package file is how bitmill touches the disk: whole files mapped for reading, and files that appear under their
// final name complete and synced, or not at all.
package file

import (
	"fmt"
	"os"

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
	// Opening a pipe would wait for somebody to write.
	if st, err := os.Stat(path); err == nil && st.Mode()&os.ModeNamedPipe != 0 {
		return nil, fmt.Errorf("%s is a pipe, not a file", path)
	}
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	st, err := f.Stat()
	if err != nil {
		return nil, err
	}
	if st.IsDir() {
		return nil, fmt.Errorf("%s is a folder, not a file", path)
	}
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
