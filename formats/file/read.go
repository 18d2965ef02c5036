package file

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"

	"bitmill/formats/file/internal/disk"
)

// MaxText is the limit of Read in bytes. The largest tokenizer.json in use has some 40 MB.
const MaxText = 1 << 30

// ErrNotRegular marks a folder, a pipe or a device under the name of a file.
var ErrNotRegular = errors.New("not a file")

// Read reads a whole file of a model, a configuration or a record. Links are followed; it fails with ErrNotRegular,
// and does not wait, for a pipe or a device, and for files larger than MaxText.
func Read(path string) ([]byte, error) {
	f, st, err := Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	size := st.Size()
	if size > MaxText {
		return nil, fmt.Errorf("%s has %d bytes; at most %d are read of such a file", path, size, MaxText)
	}
	data := make([]byte, 0, size+512)
	for {
		n, err := f.Read(data[len(data):cap(data)])
		data = data[:len(data)+n]
		switch {
		case errors.Is(err, io.EOF):
			return data, nil
		case err != nil:
			return nil, err
		case len(data) > MaxText:
			return nil, fmt.Errorf("%s grows while it is being read", path)
		case len(data) == cap(data):
			data = append(data, 0)[:len(data)]
		}
	}
}

// Open opens a regular file for reading. It fails with ErrNotRegular, and does not wait, for a pipe or a device.
func Open(path string) (*os.File, os.FileInfo, error) {
	f, err := disk.OpenNow(path)
	if err != nil {
		return nil, nil, err
	}
	st, err := f.Stat()
	if err == nil && !st.Mode().IsRegular() {
		err = fmt.Errorf("%s is a %s, %w", path, kind(st.Mode()), ErrNotRegular)
	}
	if err != nil {
		f.Close()
		return nil, nil, err
	}
	return f, st, nil
}

// kind is a word for what is not a regular file.
func kind(m fs.FileMode) string {
	switch {
	case m.IsDir():
		return "folder"
	case m&fs.ModeNamedPipe != 0:
		return "pipe"
	case m&fs.ModeSocket != 0:
		return "socket"
	}
	return "device"
}

// Folder is os.DirFS with the reading of Read.
func Folder(dir string) fs.FS { return folder{os.DirFS(dir), dir} }

type folder struct {
	fs.FS
	dir string
}

// ReadFile implements fs.ReadFileFS.
func (f folder) ReadFile(name string) ([]byte, error) {
	if !fs.ValidPath(name) {
		return nil, &fs.PathError{Op: "open", Path: name, Err: fs.ErrInvalid}
	}
	return Read(filepath.Join(f.dir, filepath.FromSlash(name)))
}
