package store

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"hash"
	"io"
	"io/fs"

	"github.com/aws/aws-sdk-go-v2/service/s3"
	"gocloud.dev/blob"
	"gocloud.dev/gcerrors"

	"bitmill/formats/file"
)

// Writer writes a file or an object that appears complete or not at all, as *file.Pending does.
type Writer interface {
	io.Writer
	Path() string
	Kept() int64 // bytes that an earlier process wrote; 0 for objects
	Mark(n int64, hash []byte) error
	Abort()
	Keep() // leaves an unfinished file to the next Resume; aborts an object
}

// Options says how an object is written. A file is always replaced.
type Options struct {
	Replace bool // an object of the name; without it, the second of two that create one fails with ErrExists
}

// Create starts to write a file or an object of size bytes, or, where size is 0, of a size that is not known.
func Create(name string, size int64, o Options) (Writer, error) {
	if !IsURL(name) {
		return file.Create(name, size)
	}
	return createObject(name, size, o)
}

// Resume is Create for work that may be interrupted: what an earlier process wrote of a file under the same key is
// kept, as file.Resume does. An object is begun afresh.
func Resume(name string, size int64, o Options, key string, h hash.Hash) (Writer, error) {
	if !IsURL(name) {
		return file.Resume(name, size, key, h)
	}
	return createObject(name, size, o)
}

// Write writes data as a file or an object, all or nothing.
func Write(name string, data []byte, o Options) error {
	w, err := Create(name, int64(len(data)), o)
	if err != nil {
		return err
	}
	defer w.Abort()
	if _, err := w.Write(data); err != nil {
		return err
	}
	return CommitAll([]Writer{w})
}

// CommitAll makes files and objects appear, the first one last. Of files all or none appear; of objects that were
// created before one failed, those are removed again that replaced none.
func CommitAll(list []Writer) (err error) {
	var files []*file.Pending
	var made []*upload
	defer func() {
		if err == nil {
			return
		}
		for _, w := range list {
			w.Abort()
		}
		for _, u := range made {
			u.undo()
		}
	}()
	if err := file.Unchanged(); err != nil {
		return err
	}
	for i := len(list) - 1; i >= 0; i-- {
		switch w := list[i].(type) {
		case *file.Pending:
			files = append([]*file.Pending{w}, files...)
		case *upload:
			if err := w.commit(); err != nil {
				return err
			}
			made = append(made, w)
		}
	}
	if len(files) == 0 {
		return nil
	}
	return file.CommitAll(files)
}

// upload is an object being written.
type upload struct {
	object
	Options
	w       io.WriteCloser // a *multipart to S3
	cancel  context.CancelFunc
	id      string // in the metadata, to know the own object again
	written int64
	done    bool
}

const (
	smallestPart = 16 << 20
	mostParts    = 9000 // of the 10,000 that S3 allows
	parallel     = 4    // parts on their way at once, each of which is in memory
	writerKey    = "bitmill-writer"
	contentType  = "application/octet-stream"
)

// partSize is the size of the parts of an object.
func partSize(size int64) int {
	const unit = 1 << 20
	return int(max(smallestPart, (size/mostParts+unit-1)/unit*unit))
}

func createObject(name string, size int64, opt Options) (*upload, error) {
	o, err := open(name)
	if err != nil {
		return nil, err
	}
	if o.key == "" || o.key[len(o.key)-1] == '/' {
		return nil, fmt.Errorf("%s names a folder: add the name of the object", Plain(name))
	}
	random := make([]byte, 16)
	rand.Read(random)
	u := &upload{object: o, Options: opt, id: hex.EncodeToString(random)}
	ctx, cancel := context.WithCancel(requests())
	u.cancel = cancel
	meta := map[string]string{writerKey: u.id}
	var client *s3.Client
	if o.blobs.As(&client) { // its own upload leaves parts behind when it is cancelled
		u.w = newMultipart(ctx, client, o, opt, size, meta)
		return u, nil
	}
	u.w, err = o.blobs.NewWriter(ctx, o.key, &blob.WriterOptions{BufferSize: partSize(size), MaxConcurrency: parallel,
		IfNotExist: !opt.Replace, ContentType: contentType, Metadata: meta})
	if err != nil {
		cancel()
		return nil, o.failed("write", err)
	}
	return u, nil
}

func (u *upload) Path() string             { return u.name }
func (u *upload) Kept() int64              { return 0 }
func (u *upload) Mark(int64, []byte) error { return nil }
func (u *upload) Keep()                    { u.Abort() }

// Write sends b with a part.
func (u *upload) Write(b []byte) (int, error) {
	n, err := u.w.Write(b)
	u.written += int64(n)
	return n, u.failed("write", err)
}

// Abort ends an unfinished upload and removes its parts. After a commit it does nothing.
func (u *upload) Abort() {
	if u.done {
		return
	}
	u.done = true
	u.stop()
}

func (u *upload) stop() {
	u.cancel()
	if m, ok := u.w.(*multipart); ok {
		m.abort()
		return
	}
	u.w.Close()
}

// commit completes the object. Where the store says no, the object may be there all the same: the answer to a first
// request was lost. Then it is our own, which its metadata tells.
func (u *upload) commit() error {
	if u.done {
		return errors.New("store: commit after the end of an upload")
	}
	u.done = true
	errClose := u.w.Close()
	if errClose != nil {
		u.stop()
	}
	defer u.cancel()
	var a *blob.Attributes
	ctx, cancel := last()
	defer cancel()
	err := retry(ctx, func() (err error) {
		a, err = u.blobs.Attributes(ctx, u.key)
		return err
	})
	switch {
	case err == nil && a.Metadata[writerKey] == u.id && a.Size == u.written:
		return nil
	case err == nil && !u.Replace && errClose != nil && codeOf(errClose) != gcerrors.PermissionDenied:
		return fmt.Errorf("%s: %w", Plain(u.name), ErrExists)
	case errClose != nil:
		return u.failed("write", errClose)
	case err != nil:
		return u.failed("read back", err)
	}
	return fmt.Errorf("%s: another program replaced the object right after it was written", Plain(u.name))
}

// undo removes an object that was created and whose companions could not be.
func (u *upload) undo() {
	if !u.Replace {
		ctx, cancel := last()
		defer cancel()
		_ = retry(ctx, func() error { return u.blobs.Delete(ctx, u.key) })
	}
}

// CheckTarget is file.CheckTarget for a path; the object of a URL must not exist unless it is to be replaced, and its
// bucket must be there.
func CheckTarget(name string, o Options, sources ...string) error {
	if !IsURL(name) {
		return file.CheckTarget(name, sources...)
	}
	for _, s := range sources {
		if Same(name, s) {
			return fmt.Errorf("%s is the source itself: choose another name", Plain(name))
		}
	}
	st, err := Stat(name)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return bucketExists(name)
	case err != nil:
		return err
	case !st.Folder && !o.Replace:
		return fmt.Errorf("%s: %w", Plain(name), ErrExists)
	}
	return nil
}

// bucketExists fails where there is no such bucket.
func bucketExists(name string) error {
	o, err := open(name)
	if err != nil {
		return err
	}
	ok, err := o.blobs.IsAccessible(requests())
	if err == nil && !ok {
		return fmt.Errorf("%s cannot be written: %w: there is no bucket %s", Plain(name), fs.ErrNotExist, o.bucket)
	}
	return o.failed("write", err)
}

// Same reports whether two names lead to one file or object.
func Same(a, b string) bool {
	if IsURL(a) != IsURL(b) {
		return false
	}
	if !IsURL(a) {
		return file.Same(a, b)
	}
	return Clean(a) == Clean(b)
}
