package checkpoint

import (
	"context"
	"runtime"
	"sync"

	"golang.org/x/sync/errgroup"

	"bitmill/formats/file"
)

// Pass says how to go through the tensors of a model. No result depends on it.
type Pass struct {
	Threads  int                     // 0: one per processor
	Progress func(done, total int64) // called by one goroutine at a time; may be nil
}

// Workers is the number of goroutines for an option: threads, or one per processor for 0.
func Workers(threads int) int {
	if threads <= 0 {
		return runtime.GOMAXPROCS(0)
	}
	return threads
}

// Each visits the numbers from 0 to n-1 in order, several at a time. The first error, or the end of ctx, ends the pass
// and is returned. Visits report finished work, in the caller's unit; Progress receives the sum and total.
func (p Pass) Each(ctx context.Context, n int, total int64,
	visit func(ctx context.Context, i int, report func(int64)) error) error {
	group, inner := errgroup.WithContext(ctx)
	group.SetLimit(Workers(p.Threads))
	var mu sync.Mutex
	done := int64(0)
	report := func(more int64) {
		mu.Lock()
		defer mu.Unlock()
		done += more
		if p.Progress != nil {
			p.Progress(done, total)
		}
	}
	for i := 0; i < n && inner.Err() == nil; i++ {
		group.Go(func() error { return file.Guard(func() error { return visit(inner, i, report) }) })
	}
	if err := group.Wait(); err != nil {
		return err
	}
	return ctx.Err()
}
