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
// missing or takes no files, or when a folder or a device has the name already.
func CheckTarget(path string) error {
	if err := checkName(path); err != nil {
		return err
	}
	f, err := os.CreateTemp(filepath.Dir(path), ".bitmill-*")
	if err != nil {
		return cannotWrite(path, err)
	}
	f.Close()
	return os.Remove(f.Name())
}

// checkName is the part of CheckTarget that touches nothing.
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

// checkBeside refuses to use the names beside path, of the unfinished file and its journal, for anything but files of
// our own: what a link leads to, or a file that is being read, would be lost.
func checkBeside(path string) error {
	for _, name := range []string{path + ".part", journalPath(path)} {
		switch st, err := os.Lstat(name); {
		case err != nil: // nothing there, or opening it tells
		case !st.Mode().IsRegular():
			return fmt.Errorf("%s cannot be written: %s is in the way, and not a regular file; remove it", path, name)
		case isMapped(st):
			return fmt.Errorf("%s cannot be written: its unfinished file would overwrite %s, which is being read; choose another name", path, name)
		}
	}
	return nil
}

// cannotWrite names the file the user asked for, not the one the system stumbled over.
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

// ErrBusy marks a file that another process is writing.
var ErrBusy = errors.New("another process is writing it")

// openPart opens the unfinished file for this process alone, as it is. size is as for Create.
func openPart(path string, size int64) (*os.File, error) {
	if err := checkName(path); err != nil {
		return nil, err
	}
	if err := checkBeside(path); err != nil {
		return nil, err
	}
	if err := checkRoom(path, size); err != nil {
		return nil, err
	}
	part := path + ".part"
	for {
		f, err := disk.OpenFile(part, os.O_RDWR|os.O_CREATE, 0o644)
		if err != nil {
			return nil, cannotWrite(path, err)
		}
		if !lock(f) {
			f.Close()
			return nil, fmt.Errorf("%s: %w", path, ErrBusy)
		}
		// Another process may have given the file its final name between the two calls: then it is not ours to empty.
		mine, errMine := f.Stat()
		now, errNow := os.Stat(part)
		if errMine == nil && errNow == nil && os.SameFile(mine, now) {
			return f, nil
		}
		f.Close()
	}
}
