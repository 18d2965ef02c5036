package checkpoint

import (
	"bytes"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"math"
	"sync"

	"bitmill/formats"
	"bitmill/formats/block"
	"bitmill/formats/file"
)

// ScanOptions says how to scan a model.
type ScanOptions struct {
	Pass      // Progress counts bytes
	Hash bool // hash the data too
}

// scanned is the result of a scan.
type scanned struct {
	sync.Mutex
	finite bool            // all values have been checked
	bad    *NotFiniteError // the first value that is not finite; nil when all are
	hash   string          // empty: not hashed
}

// NotFiniteError names the first NaN or infinite value of a model, or the first block with such a scale.
type NotFiniteError struct {
	Path, Tensor string
	Type         formats.Type
	Row, Column  int64 // of the value, or of the block's first value
	Value        float32
}

func (e *NotFiniteError) Error() string {
	return fmt.Sprintf("%s: tensor %s holds %v in row %d, column %d: the source is damaged", e.Path, e.Tensor, e.Value,
		e.Row, e.Column)
}

func (e *NotFiniteError) Unwrap() error { return formats.ErrCorrupt }

// CheckFinite fails with a NotFiniteError when a value of the model, or the scale of a block, is NaN or infinite. It
// reads all data unless a Scan did.
func (c *Checkpoint) CheckFinite(ctx context.Context, o ScanOptions) error {
	if err := c.Scan(ctx, o); err != nil {
		return err
	}
	if c.scan.bad != nil {
		return c.scan.bad
	}
	return nil
}

// scanChunk is about the number of bytes read before their pages are released, so that a model larger than memory takes
// little of it. The hash depends on it.
const scanChunk = 4 << 20

// Scan reads all data once, looks for values that are not finite, and hashes the data if the options say so. It does
// not repeat the work of an earlier Scan.
func (c *Checkpoint) Scan(ctx context.Context, o ScanOptions) error {
	c.scan.Lock()
	defer c.scan.Unlock()
	if c.scan.finite && (c.scan.hash != "" || !o.Hash) {
		return nil
	}
	if c.Planned {
		return errors.New("a plan has no data to read")
	}
	r := newReading(c, o)
	if err := o.Each(ctx, len(r.chunks), r.total, r.read); err != nil {
		return err
	}
	if o.Hash {
		sum, err := c.combine(r.digests)
		if err != nil {
			return fmt.Errorf("hash %s: %w", c.Path, err)
		}
		c.scan.hash = sum
	}
	c.scan.finite, c.scan.bad = true, r.bad()
	return nil
}

// reading is one pass over all data.
type reading struct {
	c       *Checkpoint
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
	r := &reading{c: c, first: make([]int64, len(c.Tensors)), left: make([]int, len(c.Tensors))}
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
	if p.rows > 0 {
		p.data = make([]byte, p.rows*t.sourceRow())
		t.deriveRows(p.data, p.at/t.sourceRow(), p.rows)
	}
	bad := block.NotFinite(t.stored, p.data)
	if p.scales {
		bad = bytes.IndexByte(p.data, 0xff)
	}
	if r.digests != nil {
		r.digests[p.tensor][p.number] = sha256.Sum256(p.data)
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

// bad describes the first block that is not finite; nil when all are.
func (r *reading) bad() *NotFiniteError {
	for i, n := range r.first {
		if n < 0 {
			continue
		}
		t := &r.c.Tensors[i]
		e := &NotFiniteError{Path: r.c.Path, Tensor: t.Name, Type: t.stored}
		e.Row, e.Column = t.place(n * int64(t.stored.BlockLen()))
		e.Value = notFiniteValue(t.stored, t.blockAt(n))
		return e
	}
	return nil
}

// blockAt is block n of the source's data.
func (t *Tensor) blockAt(n int64) []byte {
	size := int64(t.stored.BlockBytes())
	at := n * size
	if t.derived != nil {
		row := make([]byte, t.sourceRow())
		t.deriveRows(row, at/t.sourceRow(), 1)
		return row[at%t.sourceRow():][:size]
	}
	for _, p := range t.parts {
		if at < int64(len(p)) {
			return p[at : at+size]
		}
		at -= int64(len(p))
	}
	return nil
}

// place finds the tensor's row and column that hold value i of the source.
func (t *Tensor) place(i int64) (row, column int64) {
	l, cols, n := t.layout, max(1, t.Cols()), t.Elements()
	switch {
	case l.Plain():
		return i / cols, i % cols
	case l.Nibbles: // a scale, behind all codes
		blocks := cols / 32
		row = (i - int64(len(t.parts[0]))) / max(1, blocks)
		return (row - l.First) / max(1, l.Step), i % max(1, blocks) * 32
	case t.converted != nil: // values are laid out as rows are
		for v := range n {
			if l.Row(v, n) == i {
				return v / cols, v % cols
			}
		}
	case l.Columns > 0:
		rows := t.Rows() / t.Matrices()
		matrix := i / (cols * l.Columns)
		return matrix*rows + (i%l.Columns-l.First)/max(1, l.Step), i / l.Columns % cols
	}
	for row := range t.Rows() {
		if l.Row(row, t.Rows()) == i/cols {
			return row, i % cols
		}
	}
	return i / cols, i % cols
}

// notFiniteValue is the first NaN or infinity among the values of a block, NaN when there is none.
func notFiniteValue(typ formats.Type, b []byte) float32 {
	values := make([]float32, typ.BlockLen())
	if block.Decode(typ, values, b) == nil {
		for _, v := range values {
			if v-v != 0 {
				return v
			}
		}
	}
	return float32(math.NaN())
}
