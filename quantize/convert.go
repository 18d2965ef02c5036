package quantize

import (
	"context"
	"fmt"
	"sync"

	"bitmill/formats/file"
)

// convertAll converts what is not done already.
func convertAll(ctx context.Context, source string, tasks []*task, writers []*artifactWriter, old donors,
	o WriteOptions) error {
	m := meter{show: o.Progress}
	var left []*task
	for _, t := range tasks {
		m.total += t.size()
		if t.settle(writers, old) {
			left = append(left, t)
		} else {
			m.done += t.size()
		}
	}
	return convert(ctx, source, left, writers, o, &m)
}

// meter counts the bytes of the source that are done.
type meter struct {
	show        func(done, total int64)
	done, total int64
}

func (m *meter) add(n int64) {
	m.done += n
	if m.show != nil {
		m.show(m.done, m.total)
	}
}

// convert runs the slabs of all tasks through the workers and hands them to the artifacts in order.
func convert(ctx context.Context, source string, tasks []*task, writers []*artifactWriter, o WriteOptions,
	m *meter) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	// A slab is made when one is free, worked on by any worker, and collected in the order it was made.
	b := splitWork(tasks, o.Threads, o.Memory)
	free, work, order := make(chan *slab, b.slabs), make(chan *slab, b.slabs), make(chan *slab, b.slabs)
	for range b.slabs {
		free <- &slab{buffer: make([]byte, b.outputs), done: make(chan struct{}, 1)}
	}
	var wg sync.WaitGroup
	wg.Go(func() {
		defer close(work)
		defer close(order)
		for _, t := range tasks {
			if t.entry != nil {
				t.weights = t.entry.Weights()
			}
			for first := int64(0); first < t.rows; {
				select {
				case <-ctx.Done():
					return
				case s := <-free:
					s.task, s.first, s.rows = t, first, t.slabRows(first)
					first += s.rows
					work <- s
					order <- s
				}
			}
		}
	})
	for range min(o.Threads, b.slabs) {
		wg.Go(func() {
			w := worker{make([]float32, b.values), writers}
			for s := range work {
				if s.err = ctx.Err(); s.err == nil {
					s.err = file.Guard(func() error { return w.encode(s) })
				}
				s.done <- struct{}{}
			}
		})
	}
	out := startWriters(writers, b.slabs, free, cancel)
	err := collect(ctx, source, order, out, m)
	cancel()
	wg.Wait()
	// A file that cannot be written ends everything else: it is the cause.
	if failed := out.stop(); failed != nil {
		return failed
	}
	return err
}

// collect hands finished slabs to the files, until all artifacts are blocked. The first slab in order that failed
// decides the error; source is the path it names.
func collect(ctx context.Context, source string, order <-chan *slab, out *writers, m *meter) error {
	for s := range order {
		<-s.done
		if s.err != nil {
			return fmt.Errorf("%s: %w", source, s.err)
		}
		if s.ends() {
			s.task.weights = nil
		}
		done := s.rows * s.task.sourceRow
		out.take(s)
		m.add(done)
		if out.idle() {
			return nil
		}
	}
	return ctx.Err()
}
