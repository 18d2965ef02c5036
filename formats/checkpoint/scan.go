package checkpoint

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"sync"

	"bitmill/formats/block"
	"bitmill/formats/file"
	"bitmill/formats/store"
)

// ScanOptions says how to scan a model.
type ScanOptions struct {
	Pass          // Progress counts bytes
	Hash bool     // hash the data too
	by   *hashing // nil: blake3Hash
}

// scanned is the result of a scan.
type scanned struct {
	sync.Mutex
	finite bool                // all values have been checked
	bad    *NotFiniteError     // the first value that is not finite; nil when all are
	hash   map[*hashing]string // those that have been asked for
}

// scanChunk is about the number of bytes read before their pages are released, so that a model larger than memory takes
// little of it. The hash depends on it.
const scanChunk = 4 << 20

// Scan reads all data once, looks for values that are not finite, and hashes the data if the options say so. It does
// not repeat the work of an earlier Scan.
func (c *Checkpoint) Scan(ctx context.Context, o ScanOptions) error {
	c.scan.Lock()
	defer c.scan.Unlock()
	o.by = cmp.Or(o.by, &blake3Hash)
	if c.scan.finite && (c.scan.hash[o.by] != "" || !o.Hash) {
		return nil
	}
	if c.Planned {
		return errors.New("a plan has no data to read")
	}
	r := newReading(c, o)
	if err := o.Each(ctx, len(r.chunks), r.total, r.read); err != nil {
		return err
	}
	if err := file.Unchanged(); err != nil {
		return err
	}
	if o.Hash {
		sum, err := c.combine(o.by, r.digests)
		if err != nil {
			return fmt.Errorf("hash %s: %w", c.Path, err)
		}
		if c.scan.hash == nil {
			c.scan.hash = map[*hashing]string{}
		}
		c.scan.hash[o.by] = sum
	}
	c.scan.finite, c.scan.bad = true, r.bad()
	return nil
}

// reading is one pass over all data.
type reading struct {
	c       *Checkpoint
	by      *hashing
	chunks  []chunk
	total   int64      // bytes
	digests [][]digest // of each tensor's chunks; nil without hashing

	mu    sync.Mutex
	first []int64 // per tensor the first block that is not finite; -1 for none
	left  []int   // chunks of each tensor that are not read yet
}

// chunk is a part of a tensor's data: its number within the tensor and its offset in bytes.
type chunk struct {
	tensor, number int
	at             int64
	data           []byte
	scales         bool  // E8M0 scales
	rows           int64 // of a derived tensor, instead of data
}

func newReading(c *Checkpoint, o ScanOptions) *reading {
	r := &reading{c: c, by: o.by, first: make([]int64, len(c.Tensors)), left: make([]int, len(c.Tensors))}
	if o.Hash {
		r.digests = make([][]digest, len(c.Tensors))
	}
	for i := range c.Tensors {
		t := &c.Tensors[i]
		r.first[i] = -1
		number, at := 0, int64(0)
		for p, data := range t.parts {
			for len(data) > 0 {
				n := min(t.scanChunk(), len(data))
				r.chunks = append(r.chunks,
					chunk{tensor: i, number: number, at: at, data: data[:n], scales: t.layout.Nibbles && p == 1})
				number, at, data = number+1, at+int64(n), data[n:]
			}
		}
		for row, n := int64(0), t.scanRows(); t.derived != nil && row < t.sourceRows(); row += n {
			rows := min(n, t.sourceRows()-row)
			r.chunks = append(r.chunks, chunk{tensor: i, number: number, at: at, rows: rows})
			number, at = number+1, at+rows*t.sourceRow()
		}
		r.total += at
		r.left[i] = number
		if o.Hash {
			r.digests[i] = make([]digest, number)
		}
	}
	return r
}

// scanChunk is the size of a chunk in bytes: whole blocks.
func (t *Tensor) scanChunk() int {
	size := max(1, t.stored.BlockBytes())
	return scanChunk / size * size
}

// read reads chunk i.
func (r *reading) read(_ context.Context, i int, report func(int64)) error {
	p := r.chunks[i]
	t := &r.c.Tensors[p.tensor]
	hold := func() (func(), error) { return store.Hold(p.data) }
	if p.rows > 0 {
		hold = t.holdAll
	}
	release, err := hold()
	if err != nil {
		return fmt.Errorf("tensor %s: %w", t.Name, err)
	}
	defer release()
	if p.rows > 0 {
		p.data = make([]byte, p.rows*t.sourceRow())
		t.deriveRows(p.data, p.at/t.sourceRow(), p.rows)
	}
	bad := block.NotFinite(t.stored, p.data)
	if p.scales {
		bad = bytes.IndexByte(p.data, 0xff)
	}
	if r.digests != nil {
		r.digests[p.tensor][p.number] = r.by.sum(p.data)
	}
	if p.rows == 0 {
		file.Release(p.data)
	}

	report(int64(len(p.data)))
	r.mu.Lock()
	defer r.mu.Unlock()
	if bad >= 0 {
		n := p.at/int64(t.stored.BlockBytes()) + int64(bad)
		if r.first[p.tensor] < 0 || n < r.first[p.tensor] {
			r.first[p.tensor] = n
		}
	}
	if r.left[p.tensor]--; r.left[p.tensor] == 0 {
		t.releaseDerived()
	}
	return nil
}
