package file

import (
	"errors"
	"io"
	"os"
	"syscall"
	"unsafe"

	"bitmill/formats/file/internal/disk"
)

// Pending is a file being written beside its final name, as NAME.part. Commit syncs and renames it; Abort removes it.
// After a crash only the .part file is left (and of one opened by Resume its journal), and the next Create overwrites
// it. While one process writes it, Create and Resume fail with ErrBusy in others (on systems with advisory locks).
type Pending struct {
	path string
	f    *os.File
	done bool

	// Of a file opened by Resume:
	journal *Journal
	kept    int64 // bytes an earlier process wrote
	marked  bool  // the journal has a line
}

var (
	_ io.Writer   = (*Pending)(nil)
	_ io.WriterAt = (*Pending)(nil)
)

var errDone = errors.New("file: Commit after Commit or Abort")

// Create starts writing what will be path. size is the number of bytes that will be written: when the file system
// has less free space, Create fails with ErrNoSpace before anything is written (0 skips the check).
func Create(path string, size int64) (*Pending, error) {
	f, err := openPart(path, size)
	if err != nil {
		return nil, err
	}
	os.Remove(journalPath(path)) // it belongs to the file that is overwritten
	if err := f.Truncate(0); err != nil {
		f.Close()
		return nil, cannotWrite(path, err)
	}
	return &Pending{f: f, path: path}, nil
}

// Path is the final name.
func (p *Pending) Path() string { return p.path }

// Write appends to the unfinished file. Errors name the final file.
func (p *Pending) Write(b []byte) (int, error) {
	n, err := disk.WriteFile(p.f, b)
	if err == nil && n < len(b) {
		err = io.ErrShortWrite
	}
	return n, p.failed(b, err)
}

// WriteAt writes at an offset of the unfinished file.
func (p *Pending) WriteAt(b []byte, offset int64) (int, error) {
	n, err := p.f.WriteAt(b, offset)
	return n, p.failed(b, err)
}

// failed is the error of writing b: where the system could not read it, the file that b belongs to was cut short.
func (p *Pending) failed(b []byte, err error) error {
	if err == nil {
		return nil
	}
	if len(b) > 0 && errors.Is(err, syscall.EFAULT) {
		if lost := changedAt(uintptr(unsafe.Pointer(&b[0]))); lost != nil {
			return lost
		}
	}
	return cannotWrite(p.path, err)
}

// Commit syncs the data, gives the file its final name and syncs the folder. On failure nothing is left behind.
func (p *Pending) Commit() error { return CommitAll([]*Pending{p}) }

// Abort closes and removes the unfinished file and its journal. After Commit it does nothing, so it can be deferred.
func (p *Pending) Abort() {
	if p.done {
		return
	}
	p.done = true
	if holdOpen {
		os.Remove(p.path + ".part")
		p.forget()
	}
	p.f.Close()
	if !holdOpen {
		os.Remove(p.path + ".part")
		p.forget()
	}
}

// rename gives the file its final name. The data must have been synced.
func (p *Pending) rename() error {
	p.done = true
	err := p.settle(func() error { return disk.RenameFile(p.path+".part", p.path) })
	if err != nil {
		os.Remove(p.path + ".part")
		err = cannotWrite(p.path, err)
	}
	p.forget()
	return err
}

// settle renames the unfinished file by last and closes it, in the order that the system allows. Where it can be
// renamed while open, its data have been synced by then, and closing cannot fail any more.
func (p *Pending) settle(last func() error) error {
	if holdOpen {
		err := last()
		disk.CloseFile(p.f)
		return err
	}
	if err := disk.CloseFile(p.f); err != nil {
		return err
	}
	return last()
}

// Write writes data as path, all or nothing.
func Write(path string, data []byte) error {
	p, err := Create(path, int64(len(data)))
	if err != nil {
		return err
	}
	defer p.Abort()
	if _, err := p.Write(data); err != nil {
		return err
	}
	return p.Commit()
}
