// Package store says where bytes lie: in files, or in objects of a bucket that a URL names (s3://BUCKET/KEY; with the
// build tag clouds also gs:// and azblob://). Names without a scheme are paths, and everything about them is the
// business of package file.
//
// An object is read by ranges and never copied to disk. Map gives its bytes an address each, as a mapped file's have,
// but they must be brought there before they are read: see Hold. Create writes an object that nobody sees before it is
// complete, and that replaces no other one unless asked to.
package store

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"slices"
	"strings"
	"time"

	"gocloud.dev/blob"

	"bitmill/formats/file"
)

// Info describes a file, an object or a folder. A folder of a bucket is what keys begin with.
type Info struct {
	Name     string // its last element
	Size     int64
	Folder   bool
	Modified time.Time
}

// Stat describes what has this name; an error wraps fs.ErrNotExist when nothing has.
func Stat(name string) (Info, error) {
	if !IsURL(name) {
		st, err := os.Stat(name)
		if err != nil {
			return Info{}, err
		}
		return Info{st.Name(), st.Size(), st.IsDir(), st.ModTime()}, nil
	}
	o, err := open(name)
	if err != nil {
		return Info{}, err
	}
	ctx := requests()
	if o.key != "" && !strings.HasSuffix(o.key, "/") {
		var a *blob.Attributes
		err := retry(ctx, func() (err error) {
			a, err = o.blobs.Attributes(ctx, o.key)
			return err
		})
		if err == nil {
			return Info{Base(name), a.Size, false, a.ModTime}, nil
		}
		if err := o.failed("read", err); !errors.Is(err, fs.ErrNotExist) {
			return Info{}, err
		}
	}
	list, _, err := o.page(ctx, nil, 1)
	if err == nil && len(list) == 0 {
		err = fmt.Errorf("%s: %w: no object has this name or stands below it", Plain(name), fs.ErrNotExist)
	}
	return Info{Name: Base(name), Folder: true}, err
}

// page lists objects and folders below a name.
func (o object) page(ctx context.Context, token []byte, size int) (list []*blob.ListObject, next []byte, err error) {
	if token == nil {
		token = blob.FirstPageToken
	}
	err = retry(ctx, func() (err error) {
		list, next, err = o.blobs.ListPage(ctx, token, size, &blob.ListOptions{Prefix: o.folder(), Delimiter: "/"})
		return err
	})
	return list, next, o.failed("list", err)
}

// ReadDir lists a folder, sorted by name. An error wraps fs.ErrNotExist when there is none.
func ReadDir(name string) (list []Info, err error) {
	if !IsURL(name) {
		entries, err := os.ReadDir(name)
		for _, e := range entries {
			info := Info{Name: e.Name(), Folder: e.IsDir()}
			if st, err := e.Info(); err == nil {
				info.Size, info.Modified = st.Size(), st.ModTime()
			}
			list = append(list, info)
		}
		return list, err
	}
	o, err := open(name)
	if err != nil {
		return nil, err
	}
	ctx := requests()
	for token := []byte(nil); ; {
		objects, next, err := o.page(ctx, token, 1000)
		if err != nil {
			return nil, err
		}
		for _, x := range objects {
			base := strings.TrimSuffix(strings.TrimPrefix(x.Key, o.folder()), "/")
			if base != "" { // the mark of an empty folder
				list = append(list, Info{base, x.Size, x.IsDir, x.ModTime})
			}
		}
		if token = next; len(next) == 0 {
			break
		}
	}
	if len(list) == 0 {
		return nil, fmt.Errorf("%s: %w: nothing stands below it", Plain(name), fs.ErrNotExist)
	}
	slices.SortFunc(list, func(a, b Info) int { return strings.Compare(a.Name, b.Name) })
	return list, nil
}

// ReadFile reads a whole small file or object.
func ReadFile(name string) ([]byte, error) {
	if !IsURL(name) {
		return file.Read(name)
	}
	o, err := open(name)
	if err != nil {
		return nil, err
	}
	if o.key == "" || strings.HasSuffix(o.key, "/") {
		return nil, fmt.Errorf("%s is a folder, not an object", Plain(name))
	}
	var data []byte
	ctx := requests()
	err = retry(ctx, func() error {
		r, err := o.blobs.NewReader(ctx, o.key, nil)
		if err != nil {
			return err
		}
		defer r.Close()
		if r.Size() > file.MaxText {
			return fmt.Errorf("%d bytes are more than the limit of %d", r.Size(), file.MaxText)
		}
		data, err = io.ReadAll(r)
		if err == nil && int64(len(data)) != r.Size() {
			err = io.ErrUnexpectedEOF
		}
		read.Add(int64(len(data)))
		return err
	})
	return data, o.failed("read", err)
}

// FS is a folder as a file system in which files are read whole, as file.Folder is.
func FS(name string) fs.FS {
	if !IsURL(name) {
		return file.Folder(name)
	}
	return folder(name)
}

type folder string

// ReadFile makes folder an fs.ReadFileFS.
func (f folder) ReadFile(name string) ([]byte, error) { return ReadFile(Join(string(f), name)) }

// Open reads the file.
func (f folder) Open(name string) (fs.File, error) {
	data, err := f.ReadFile(name)
	if err != nil {
		return nil, err
	}
	return &whole{strings.NewReader(string(data)), Info{Name: Base(name), Size: int64(len(data))}}, nil
}

// whole is a file that has been read.
type whole struct {
	*strings.Reader
	info Info
}

func (w *whole) Stat() (fs.FileInfo, error) { return fileInfo{w.info}, nil }
func (w *whole) Close() error               { return nil }

// fileInfo is an Info for package fs.
type fileInfo struct{ i Info }

func (f fileInfo) Name() string       { return f.i.Name }
func (f fileInfo) Size() int64        { return f.i.Size }
func (f fileInfo) Mode() fs.FileMode  { return 0o444 }
func (f fileInfo) ModTime() time.Time { return f.i.Modified }
func (f fileInfo) IsDir() bool        { return false }
func (f fileInfo) Sys() any           { return nil }
