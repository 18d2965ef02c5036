package checkpoint

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"math"
	"runtime"
	"sync"

	"bitmill/formats"
	"bitmill/formats/block"
	"bitmill/formats/file"
)

// ScanOptions says how a model is read through.
type ScanOptions struct {
	Hash     bool                    // find the hash too
	Threads  int                     // 0: one per processor
	Progress func(done, total int64) // bytes; called by one goroutine at a time; may be nil
}

// scanned is what reading a model through told.
type scanned struct {
	sync.Mutex
	finite bool            // all values were looked at
	bad    *NotFiniteError // the first that is no number; nil when all are finite
	hash   string          // empty when nobody asked for it
}

// NotFiniteError names the first value of a model that is NaN or infinite, or the first block with such a scale.
type NotFiniteError struct {
	Path, Tensor string
	Type         formats.Type
	Row, Column  int64 // of the value, or of the block's first value
	Value        float32
}

func (e *NotFiniteError) Error() string {
	return fmt.Sprintf("%s: tensor %s holds %v in row %d, column %d: the source is damaged", e.Path, e.Tensor, e.Value, e.Row, e.Column)
}

func (e *NotFiniteError) Unwrap() error { return formats.ErrCorrupt }

// CheckFinite fails with a NotFiniteError when the model holds a value, or a block a scale, that is NaN or infinite.
// It reads all data unless a Scan did.
func (c *Checkpoint) CheckFinite(ctx context.Context, o ScanOptions) error {
	if err := c.Scan(ctx, o); err != nil {
		return err
	}
	if c.scan.bad != nil {
		return c.scan.bad
	}
	return nil
}

// scanPiece is about how much is read before its pages are let go, so that a model larger than memory stays small. The
// hash depends on it.
const scanPiece = 4 << 20

// Scan reads all data once and looks for values that are not finite, and hashes them if told to. What an earlier Scan
// found out is not found out again.
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
	if err := r.run(ctx, o.Threads); err != nil {
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

// reading is one pass over all data: goroutines take pieces in order.
type reading struct {
	c       *Checkpoint
	digests [][]digest // of each tensor's pieces; nil without hashing
	first   []int64    // per tensor the first block that is not finite; -1 for none

	mu          sync.Mutex
	tensor      int // of the next piece
	at          int // where it starts
	progress    func(done, total int64)
	done, total int64
}

func newReading(c *Checkpoint, o ScanOptions) *reading {
	r := &reading{c: c, first: make([]int64, len(c.Tensors)), progress: o.Progress}
	if o.Hash {
		r.digests = make([][]digest, len(c.Tensors))
	}
	for i := range c.Tensors {
		n := len(c.Tensors[i].raw)
		r.total += int64(n)
		r.first[i] = -1
		if o.Hash {
			piece := c.Tensors[i].scanPiece()
			r.digests[i] = make([]digest, (n+piece-1)/piece)
		}
	}
	return r
}

// scanPiece is a number of whole blocks.
func (t *Tensor) scanPiece() int {
	size := max(1, t.stored.BlockBytes())
	return scanPiece / size * size
}

func (r *reading) run(ctx context.Context, threads int) error {
	if threads <= 0 {
		threads = runtime.GOMAXPROCS(0)
	}
	var wg sync.WaitGroup
	for range threads {
		wg.Go(func() {
			for ctx.Err() == nil && r.piece() {
			}
		})
	}
	wg.Wait()
	return ctx.Err()
}

// piece takes the next piece and reads it; false when there is none.
func (r *reading) piece() bool {
	r.mu.Lock()
	for r.tensor < len(r.c.Tensors) && r.at >= len(r.c.Tensors[r.tensor].raw) {
		r.tensor, r.at = r.tensor+1, 0
	}
	if r.tensor == len(r.c.Tensors) {
		r.mu.Unlock()
		return false
	}
	i, at := r.tensor, r.at
	t := &r.c.Tensors[i]
	piece := t.scanPiece()
	r.at += piece
	r.mu.Unlock()

	data := t.raw[at:min(at+piece, len(t.raw))]
	bad := block.NotFinite(t.stored, data)
	if r.digests != nil {
		r.digests[i][at/piece] = sha256.Sum256(data)
	}
	file.Release(data)

	r.mu.Lock()
	defer r.mu.Unlock()
	if bad >= 0 {
		n := int64(at/t.stored.BlockBytes() + bad)
		if r.first[i] < 0 || n < r.first[i] {
			r.first[i] = n
		}
	}
	r.done += int64(len(data))
	if r.progress != nil {
		r.progress(r.done, r.total)
	}
	return true
}

// bad is the first block that is not finite, of the first tensor with one.
func (r *reading) bad() *NotFiniteError {
	for i, n := range r.first {
		if n < 0 {
			continue
		}
		t := &r.c.Tensors[i]
		length := int64(t.stored.BlockLen())
		e := &NotFiniteError{Path: r.c.Path, Tensor: t.Name, Type: t.stored}
		e.Row, e.Column = t.place(n * length)
		e.Value = notFiniteValue(t.stored, t.raw[n*int64(t.stored.BlockBytes()):][:t.stored.BlockBytes()])
		return e
	}
	return nil
}

// place finds the row and column of the tensor in which the source's value i lies.
func (t *Tensor) place(i int64) (row, column int64) {
	cols := max(1, t.Cols())
	if t.heads == 0 {
		return i / cols, i % cols
	}
	if t.vector != nil { // its values are permuted like rows
		for v := range t.Elements() {
			if halves(v, t.Elements()/int64(t.heads)) == i {
				return 0, v
			}
		}
	}
	for row := range t.Rows() {
		if t.sourceRow(row) == i/cols {
			return row, i % cols
		}
	}
	return i / cols, i % cols
}

// notFiniteValue is the first value of a block that is no number, or NaN where none shows.
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
