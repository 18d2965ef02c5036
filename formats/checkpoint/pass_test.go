package checkpoint_test

import (
	"context"
	"errors"
	"sync/atomic"
	"testing"

	"bitmill/formats/checkpoint"
)

func TestEachVisitsAll(t *testing.T) {
	for _, threads := range []int{0, 1, 3, 100} {
		last, calls := int64(0), 0
		p := checkpoint.Pass{Threads: threads, Progress: func(done, total int64) {
			calls++
			if done != last+2 || total != 40 {
				t.Errorf("%d threads: %d of %d after %d", threads, done, total, last)
			}
			last = done
		}}
		var seen [20]atomic.Int32
		var running, most atomic.Int32
		err := p.Each(t.Context(), 20, 40, func(_ context.Context, i int, report func(int64)) error {
			for n := running.Add(1); n > most.Load(); {
				most.Store(n)
			}
			defer running.Add(-1)
			seen[i].Add(1)
			report(2)
			return nil
		})
		if err != nil || calls != 20 || int(most.Load()) > checkpoint.Workers(threads) {
			t.Errorf("%d threads: %v, %d calls, %d at once", threads, err, calls, most.Load())
		}
		for i := range seen {
			if n := seen[i].Load(); n != 1 {
				t.Errorf("%d threads: %d visits of %d", threads, n, i)
			}
		}
	}
}

func TestEachEndsWithTheFirstError(t *testing.T) {
	broken := errors.New("broken")
	visits := 0
	err := checkpoint.Pass{Threads: 1}.Each(t.Context(), 9, 0, func(_ context.Context, i int, _ func(int64)) error {
		if visits++; i == 2 {
			return broken
		}
		return nil
	})
	if err != broken || visits > 4 { // the next may have been waiting for its turn
		t.Errorf("%v after %d visits", err, visits)
	}
	ctx, cancel := context.WithCancel(t.Context())
	err = checkpoint.Pass{Threads: 2}.Each(ctx, 1000, 0, func(ctx context.Context, i int, _ func(int64)) error {
		cancel()
		return nil
	})
	if !errors.Is(err, context.Canceled) {
		t.Errorf("cancelled: %v", err)
	}
}
