package store

import (
	"context"
	"fmt"
	"io"
	"sync/atomic"

	"github.com/aws/aws-sdk-go-v2/service/s3"

	"bitmill/formats/file"
)

// Mapped is a file mapped into memory, or an object whose bytes have addresses; read-only.
type Mapped struct {
	Path string
	Data []byte // the whole file; valid until Close. Of an object, bytes are there between Hold and its release only

	local  *file.Mapped
	remote *remote
}

// firstRange is how much is read with the request that opens an object: most headers are shorter.
const firstRange = 64 << 10

// Map maps a file or opens an object.
func Map(name string) (*Mapped, error) {
	if !IsURL(name) {
		m, err := file.Map(name)
		if err != nil {
			return nil, err
		}
		return &Mapped{Path: name, Data: m.Data, local: m}, nil
	}
	r, err := openRemote(name)
	if err != nil {
		return nil, err
	}
	return &Mapped{Path: name, Data: r.memory, remote: r}, nil
}

// Close unmaps the file; Data must not be used afterwards.
func (m *Mapped) Close() error {
	m.Data = nil
	if m.local != nil {
		return m.local.Close()
	}
	return m.remote.close()
}

// Load brings the whole object into memory, until Close.
func (m *Mapped) Load() error {
	_, err := Hold(m.Data)
	return err
}

// Copy copies a whole file or object.
func Copy(to io.Writer, name string) error {
	if !IsURL(name) {
		f, _, err := file.Open(name)
		if err != nil {
			return err
		}
		defer f.Close()
		_, err = io.Copy(to, f)
		return err
	}
	m, err := Map(name)
	if err != nil {
		return err
	}
	defer m.Close()
	for rest := m.Data; len(rest) > 0; {
		part := rest[:min(len(rest), maxRequest)]
		release, err := Hold(part)
		if err != nil {
			return err
		}
		_, err = to.Write(part)
		release()
		if err != nil {
			return err
		}
		rest = rest[len(part):]
	}
	return nil
}

// read counts the bytes of objects that this process has read.
var read atomic.Int64

// BytesRead is the number of bytes of objects that this process has read.
func BytesRead() int64 { return read.Load() }

// version tells two objects of one name apart.
type version struct {
	size     int64
	modified int64
	tag      string // "" where the store has none
}

// rangeOf reads a range of an object into b and returns the object's version. A range behind the end is cut short.
func (o object) rangeOf(ctx context.Context, b []byte, at int64) (n int, v version, err error) {
	r, err := o.blobs.NewRangeReader(ctx, o.key, at, int64(len(b)), nil)
	if err != nil {
		return 0, v, err
	}
	defer r.Close()
	v = version{size: r.Size(), modified: r.ModTime().UnixNano()}
	var out s3.GetObjectOutput
	if r.As(&out) && out.ETag != nil {
		v.tag = *out.ETag
	}
	want := int(min(int64(len(b)), v.size-at))
	if want < 0 {
		return 0, v, file.ErrChanged
	}
	n, err = io.ReadFull(r, b[:want])
	read.Add(int64(n))
	return n, v, err
}

// openRemote reads the beginning of an object, and gives all of it addresses.
func openRemote(name string) (*remote, error) {
	o, err := open(name)
	if err != nil {
		return nil, err
	}
	if o.key == "" || o.key[len(o.key)-1] == '/' {
		return nil, fmt.Errorf("%s is a folder, not an object", Plain(name))
	}
	ctx := requests()
	first := make([]byte, firstRange)
	var n int
	var v version
	err = retry(ctx, func() (err error) {
		n, v, err = o.rangeOf(ctx, first, 0)
		return err
	})
	if err != nil {
		if a, errEmpty := o.blobs.Attributes(ctx, o.key); errEmpty == nil && a.Size == 0 { // it has no first byte
			return &remote{object: o}, nil
		}
		return nil, o.failed("read", err)
	}
	r := &remote{object: o, version: v}
	if v.size == 0 {
		return r, nil
	}
	if r.memory, err = reserve(v.size); err != nil {
		return nil, fmt.Errorf("%s: %d bytes cannot be given addresses: %w", Plain(name), v.size, err)
	}
	if err := r.begin(first[:n]); err != nil {
		unreserve(r.memory)
		return nil, err
	}
	return r, nil
}
