package gguf

import (
	"bufio"
	"context"
	"fmt"

	"bitmill/formats"
	"bitmill/formats/file"
)

// Target is a file to be made of tensors of an open file.
type Target struct {
	Path     string
	Metadata *Metadata
	Tensors  []Tensor // consecutive or not; Data is copied
}

// slab is the number of bytes copied between two checks of the context.
const slab = 4 << 20

// Copy writes all targets, or none: each is written beside its final name, and they get their names together once all
// are complete and synced, the first one last. If there is too little space for all of them, or if a target is one of
// the source's own files, nothing is written. progress (bytes of data; may be nil) is called from one goroutine.
func Copy(ctx context.Context, source *File, targets []Target, progress func(done, total int64)) error {
	var own []string
	for _, s := range source.Shards {
		own = append(own, s.Path)
	}
	layouts := make([]*Layout, len(targets))
	sizes, total := map[string]int64{}, int64(0)
	for i, t := range targets {
		if err := file.CheckTarget(t.Path, own...); err != nil {
			return err
		}
		l, err := NewLayout(t.Metadata, infos(t.Tensors))
		if err != nil {
			return fmt.Errorf("%s: %w", t.Path, err)
		}
		layouts[i] = l
		sizes[t.Path] = l.FileBytes
		for _, n := range l.Sizes {
			total += n
		}
	}
	if err := file.CheckRoom(sizes); err != nil {
		return err
	}
	var list []*file.Pending
	defer func() {
		for _, p := range list {
			p.Abort()
		}
	}()
	c := copier{ctx: ctx, progress: progress, total: total}
	for i, t := range targets {
		p, err := file.Create(t.Path, layouts[i].FileBytes)
		if err != nil {
			return err
		}
		list = append(list, p)
		if err := c.write(p, t, layouts[i]); err != nil {
			return err
		}
	}
	if err := ctx.Err(); err != nil {
		return err
	}
	return file.CommitAll(list)
}

func infos(tensors []Tensor) []formats.Tensor {
	list := make([]formats.Tensor, len(tensors))
	for i, t := range tensors {
		list[i] = t.Tensor
	}
	return list
}

// Infos lists the descriptions of the tensors.
func (f *File) Infos() []formats.Tensor { return infos(f.Tensors) }

// copier counts the bytes written to all targets.
type copier struct {
	ctx         context.Context
	progress    func(done, total int64)
	done, total int64
}

func (c *copier) write(p *file.Pending, t Target, l *Layout) error {
	w := bufio.NewWriterSize(p, 1<<20)
	if _, err := WriteHeader(w, t.Metadata, infos(t.Tensors)); err != nil {
		return err
	}
	for i, x := range t.Tensors {
		for b := x.Data; len(b) > 0; {
			if err := c.ctx.Err(); err != nil {
				return err
			}
			n := min(len(b), slab)
			if _, err := w.Write(b[:n]); err != nil {
				return err
			}
			file.Release(b[:n])
			b = b[n:]
			c.done += int64(n)
			if c.progress != nil {
				c.progress(c.done, c.total)
			}
		}
		end := l.FileBytes
		if i+1 < len(t.Tensors) {
			end = l.Offsets[i+1]
		}
		if err := writeZeros(w, end-l.Offsets[i]-l.Sizes[i]); err != nil {
			return err
		}
	}
	return w.Flush()
}
