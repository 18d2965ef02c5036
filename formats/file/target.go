package file

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"bitmill/formats/file/internal/disk"
)

// CheckTarget fails when path cannot be written, so that a long job says so before it starts: when its folder is
// missing or not writable, when a folder or a device has the name already, or when path is one of the sources, which
// would be destroyed.
func CheckTarget(path string, sources ...string) error {
	if err := checkName(path); err != nil {
		return err
	}
	for _, s := range sources {
		if Same(s, path) {
			return fmt.Errorf("%s is the source itself: choose another name", path)
		}
	}
	f, err := os.CreateTemp(filepath.Dir(path), ".bitmill-*")
	if err != nil {
		return cannotWrite(path, err)
	}
	f.Close()
	return os.Remove(f.Name())
}

// Same reports whether two paths lead to one file: writing one would destroy the other.
func Same(a, b string) bool {
	x, errX := os.Stat(a)
	y, errY := os.Stat(b)
	return errX == nil && errY == nil && os.SameFile(x, y)
}

// checkName is the part of CheckTarget that writes nothing.
func checkName(path string) error {
	if path == "" {
		return errors.New("the output has no name")
	}
	folder := filepath.Dir(path)
	switch st, err := os.Stat(folder); {
	case errors.Is(err, fs.ErrNotExist):
		return fmt.Errorf("%s cannot be written: there is no folder %s", path, folder)
	case err != nil:
		return cannotWrite(path, err)
	case !st.IsDir():
		return fmt.Errorf("%s cannot be written: %s is not a folder", path, folder)
	}
	switch st, err := os.Stat(path); {
	case err != nil: // nothing there, or a link to nothing, which is replaced
		return nil
	case st.IsDir():
		return fmt.Errorf("%s cannot be written: it is a folder", path)
	case !st.Mode().IsRegular():
		return fmt.Errorf("%s cannot be written: it is not a regular file", path)
	}
	return nil
}

// checkBeside refuses to overwrite files beside path, under the names of the unfinished file and its journal, that are
// not ours: the target of a link, or a file that is being read, would be lost.
func checkBeside(path string) error {
	for _, name := range []string{path + ".part", journalPath(path)} {
		switch st, err := os.Lstat(name); {
		case err != nil: // nothing there, or opening it tells
		case !st.Mode().IsRegular():
			return fmt.Errorf("%s cannot be written: %s is in the way, and not a regular file; remove it", path, name)
		case isMapped(st):
			return fmt.Errorf("%s cannot be written: its unfinished file would overwrite %s, which is being read; "+
				"choose another name", path, name)
		}
	}
	return nil
}

// OpenOwn opens, or creates, a file that only bitmill writes, with flags besides os.O_CREATE: records, journals, locks,
// unfinished files. It fails where the name is a link or another name of some file, which would be overwritten, also
// when it has become one a moment ago.
func OpenOwn(path string, flag int) (*os.File, error) {
	f, err := disk.OpenFile(path, flag|os.O_CREATE, 0o644)
	if err != nil {
		if st, errStat := os.Lstat(path); errStat == nil && st.Mode()&fs.ModeSymlink != 0 {
			return nil, fmt.Errorf("%s is a link, which bitmill does not write through; remove it", path)
		}
		return nil, err
	}
	st, err := f.Stat()
	switch {
	case err != nil:
	case !st.Mode().IsRegular():
		err = fmt.Errorf("%s is a %s, %w; remove it", path, kind(st.Mode()), ErrNotRegular)
	case disk.Names(st) > 1:
		err = fmt.Errorf("%s is in the way: the same file has another name, and would be overwritten there; remove it",
			path)
	}
	if err != nil {
		f.Close()
		return nil, err
	}
	return f, nil
}

// cannotWrite names the file that the user asked for, not the temporary one that failed.
func cannotWrite(path string, err error) error {
	var at *fs.PathError
	var link *os.LinkError
	switch {
	case errors.As(err, &at):
		err = at.Err
	case errors.As(err, &link):
		err = link.Err
	}
	return fmt.Errorf("%s cannot be written: %w", path, err)
}

// openPart opens the unfinished file for this process alone, as it is. size is as for Create.
func openPart(path string, size int64) (*os.File, error) {
	if err := checkName(path); err != nil {
		return nil, err
	}
	if err := checkBeside(path); err != nil {
		return nil, err
	}
	if err := CheckSpace(filepath.Dir(path), Missing(path, size)); err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	f, err := OpenLocked(path + ".part")
	switch {
	case errors.Is(err, ErrBusy):
		return nil, fmt.Errorf("%s: %w", path, ErrBusy)
	case err != nil:
		return nil, cannotWrite(path, err)
	}
	return f, nil
}
