// Package disk holds the few operations by which files are written, in one place so that a test can make each fail.
package disk

import "os"

// Op is a kind of operation.
type Op string

// Operations, as a fault sees them.
const (
	Open       Op = "open"
	Write      Op = "write"
	Sync       Op = "sync"
	Close      Op = "close"
	Rename     Op = "rename"
	SyncFolder Op = "sync folder"
)

// Fault, if a test sets it, is called before every operation on path (of a rename, the new path). An error makes the
// operation fail without any effect, except that of a write of size bytes the first n are written, whatever err is; if
// it has a method Afterwards, that is called then.
var Fault func(op Op, path string, size int) (n int, err error)

func ask(op Op, path string) error {
	if Fault == nil {
		return nil
	}
	_, err := Fault(op, path, 0)
	return err
}

// OpenFile is os.OpenFile, except that a link under the name is not followed and that no open waits for a pipe's
// other end.
func OpenFile(path string, flag int, mode os.FileMode) (*os.File, error) {
	if err := ask(Open, path); err != nil {
		return nil, err
	}
	return os.OpenFile(path, flag|noFollow|noWait, mode)
}

// OpenNow is os.Open without waiting for a pipe's other end.
func OpenNow(path string) (*os.File, error) { return os.OpenFile(path, os.O_RDONLY|noWait, 0) }

// WriteFile writes b at the file's position.
func WriteFile(f *os.File, b []byte) (int, error) {
	if Fault == nil {
		return f.Write(b)
	}
	n, err := Fault(Write, f.Name(), len(b))
	done, errDone := f.Write(b[:min(n, len(b))])
	if e, ok := err.(interface{ Afterwards() }); ok {
		e.Afterwards()
	}
	if errDone != nil {
		return done, errDone
	}
	return min(n, len(b)), err
}

// SyncFile is f.Sync.
func SyncFile(f *os.File) error {
	if err := ask(Sync, f.Name()); err != nil {
		return err
	}
	return f.Sync()
}

// CloseFile closes f, even when a fault then reports an error.
func CloseFile(f *os.File) error {
	err := ask(Close, f.Name())
	if closed := f.Close(); err == nil {
		err = closed
	}
	return err
}

// RenameFile is os.Rename.
func RenameFile(from, to string) error {
	if err := ask(Rename, to); err != nil {
		return err
	}
	return os.Rename(from, to)
}

// SyncNames makes renames in a folder durable.
func SyncNames(folder string) error {
	if err := ask(SyncFolder, folder); err != nil {
		return err
	}
	d, err := os.Open(folder)
	if err != nil {
		return err
	}
	defer d.Close()
	return d.Sync()
}
