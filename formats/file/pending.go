package file

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
)

// Pending is a file being written beside its final name, as NAME.part. Commit syncs and renames it; Abort removes it.
// After a crash only the .part file is left, and the next Create overwrites it. While one process writes it, Create
// fails with ErrBusy in others (on systems with advisory locks).
type Pending struct {
	*os.File
	path string
	done bool
}

var _ io.WriterAt = (*Pending)(nil)

var errDone = errors.New("file: Commit after Commit or Abort")

// Create starts writing what will be path. size is the number of bytes that will be written: when the file system
// has less free space, Create fails with ErrNoSpace before anything is written (0 skips the check).
func Create(path string, size int64) (*Pending, error) {
	if err := checkName(path); err != nil {
		return nil, err
	}
	if size > 0 {
		if err := CheckSpace(filepath.Dir(path), size); err != nil {
			return nil, fmt.Errorf("%s: %w", path, err)
		}
	}
	f, err := openPart(path)
	if err != nil {
		return nil, err
	}
	return &Pending{File: f, path: path}, nil
}

// Commit syncs the data, gives the file its final name and syncs the folder. On failure nothing is left behind.
func (p *Pending) Commit() error {
	if p.done {
		return errDone
	}
	if err := p.Sync(); err != nil {
		p.Abort()
		return cannotWrite(p.path, err)
	}
	p.done = true
	if err := p.settle(func() error { return os.Rename(p.path+".part", p.path) }); err != nil {
		os.Remove(p.path + ".part")
		return cannotWrite(p.path, err)
	}
	return syncFolder(filepath.Dir(p.path))
}

// Abort closes and removes the unfinished file. After Commit it does nothing, so it can be deferred.
func (p *Pending) Abort() {
	if p.done {
		return
	}
	p.done = true
	p.settle(func() error { return os.Remove(p.path + ".part") })
}

// settle does the last thing to the unfinished file and closes it, in the order the system allows.
func (p *Pending) settle(last func() error) error {
	if holdOpen {
		return errors.Join(last(), p.File.Close())
	}
	return errors.Join(p.File.Close(), last())
}

// Write writes data as path, all or nothing.
func Write(path string, data []byte) error {
	p, err := Create(path, int64(len(data)))
	if err != nil {
		return err
	}
	defer p.Abort()
	if _, err := p.File.Write(data); err != nil {
		return cannotWrite(path, err)
	}
	return p.Commit()
}
