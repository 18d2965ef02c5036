// Package diff finds what differs between two models: metadata, tensors, their types, shapes, bytes and values.
package diff

import (
	"context"
	"runtime"
	"sync"

	"bitmill/formats/checkpoint"
)

// Options says how to compare; the result does not depend on it.
type Options struct {
	Threads  int                     // 0: one per processor
	Progress func(done, total int64) // values compared; may be nil; called by one goroutine at a time
}

// Difference is what differs. Lists are in the order of A, or of B for what only B has.
type Difference struct {
	Keys, Tensors int // that both have

	KeysOnlyA, KeysOnlyB []string
	KeysDiffer           []Key
	KeyOrder             *Swap // nil: the keys that both have are in the same order

	TensorsOnlyA, TensorsOnlyB []string
	TensorsDiffer              []Tensor
	TensorOrder                *Swap
}

// Equal reports whether nothing differs.
func (d *Difference) Equal() bool {
	return len(d.KeysOnlyA)+len(d.KeysOnlyB)+len(d.KeysDiffer)+len(d.TensorsOnlyA)+len(d.TensorsOnlyB)+len(d.TensorsDiffer) == 0 &&
		d.KeyOrder == nil && d.TensorOrder == nil
}

// Models compares two open models. It reads all data that both have once, in pieces, with bounded memory.
func Models(ctx context.Context, a, b *checkpoint.Checkpoint, o Options) (*Difference, error) {
	d := &Difference{}
	d.metadata(a.Metadata, b.Metadata)
	var common, other []string
	var pairs []pair
	for i := range a.Tensors {
		t := &a.Tensors[i]
		u, ok := b.Tensor(t.Name)
		if !ok {
			d.TensorsOnlyA = append(d.TensorsOnlyA, t.Name)
			continue
		}
		common = append(common, t.Name)
		pairs = append(pairs, pair{t, u})
	}
	for i := range b.Tensors {
		name := b.Tensors[i].Name
		if _, ok := a.Tensor(name); ok {
			other = append(other, name)
		} else {
			d.TensorsOnlyB = append(d.TensorsOnlyB, name)
		}
	}
	d.Tensors, d.TensorOrder = len(pairs), firstSwap(common, other)
	list, err := compareAll(ctx, pairs, o)
	if err != nil {
		return nil, err
	}
	for _, t := range list {
		if t.differs() {
			d.TensorsDiffer = append(d.TensorsDiffer, t)
		}
	}
	return d, nil
}

// pair is a tensor on both sides.
type pair struct{ a, b *checkpoint.Tensor }

// compareAll compares every pair in one goroutine, so that sums do not depend on the number of threads.
func compareAll(ctx context.Context, pairs []pair, o Options) ([]Tensor, error) {
	c := &counter{progress: o.Progress}
	for _, p := range pairs {
		if p.a.SameShape(p.b.Tensor) {
			c.total += p.a.Elements()
		}
	}
	list := make([]Tensor, len(pairs))
	err := each(ctx, len(pairs), o.Threads, func(ctx context.Context, w *worker, i int) (err error) {
		list[i], err = w.compare(ctx, pairs[i], c)
		return err
	})
	if err != nil {
		return nil, err
	}
	return list, nil
}

// each calls work for 0 to n-1, several at once; the first error ends it.
func each(ctx context.Context, n, threads int, work func(ctx context.Context, w *worker, i int) error) error {
	if threads <= 0 {
		threads = runtime.GOMAXPROCS(0)
	}
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	next := make(chan int)
	var wg sync.WaitGroup
	for range threads {
		wg.Go(func() {
			var w worker
			for i := range next {
				if err := work(ctx, &w, i); err != nil {
					cancel(err)
				}
			}
		})
	}
	for i := range n {
		if ctx.Err() != nil {
			break
		}
		next <- i
	}
	close(next)
	wg.Wait()
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	return nil
}

// counter adds up the progress of all goroutines.
type counter struct {
	progress func(done, total int64)

	mu          sync.Mutex
	done, total int64
}

func (c *counter) add(n int64) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.done += n
	if c.progress != nil {
		c.progress(c.done, c.total)
	}
}
