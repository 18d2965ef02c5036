package quantize

import (
	"context"
	"slices"
	"sync"

	"bitmill/formats/file"
)

// writers carry slabs to the files, each in a goroutine of its own, so that several files are hashed and written side
// by side while the next slabs are encoded.
type writers struct {
	artifacts []*artifactWriter
	queues    map[*stream]chan part
	free      chan<- *slab
	cancel    context.CancelFunc
	wg        sync.WaitGroup
}

// part is the data of a slab for one file.
type part struct {
	slab   *slab // nil ends a file that is not wanted any more
	tensor int   // in the order of the artifact
	data   []byte
}

// startWriters starts a goroutine per file. Slabs, n in all, return to free when all files have written them; cancel is
// called when a file cannot be written.
func startWriters(artifacts []*artifactWriter, n int, free chan<- *slab, cancel context.CancelFunc) *writers {
	w := &writers{artifacts: artifacts, queues: map[*stream]chan part{}, free: free, cancel: cancel}
	for _, a := range artifacts {
		for _, s := range a.streams {
			queue := make(chan part, n+1) // one more to end a file
			w.queues[s] = queue
			w.wg.Go(func() { w.write(s, queue) })
		}
	}
	return w
}

// write is the goroutine of one file.
func (w *writers) write(s *stream, queue <-chan part) {
	for p := range queue {
		if p.slab == nil {
			s.abort()
			continue
		}
		if s.err == nil {
			begins, ends := p.slab.first == 0, p.slab.ends()
			s.err = file.Guard(func() error { return s.append(p.tensor-s.shard.First, begins, ends, p.data) })
			if s.err != nil {
				w.cancel()
			}
		}
		w.leave(p.slab)
	}
}

// take passes a slab on to the files that need it, and ends those whose type does not hold its values. It never waits.
func (w *writers) take(s *slab) {
	t := s.task
	s.users.Store(1) // until all files have been told
	for i, a := range w.artifacts {
		k := t.use[i]
		switch {
		case k < 0 || a.blocked.Load() != nil:
		case s.unheld[k] != nil:
			a.blocked.Store(s.unheld[k].blocks(a.Plan.subject()))
			for _, file := range a.streams {
				w.queues[file] <- part{}
			}
		default:
			s.users.Add(1)
			w.queues[a.stream(t.index)] <- part{s, t.index, s.outputs[k]}
		}
	}
	w.leave(s)
}

// idle reports whether all artifacts are blocked.
func (w *writers) idle() bool {
	return !slices.ContainsFunc(w.artifacts, func(a *artifactWriter) bool { return a.blocked.Load() == nil })
}

// leave frees the slab when no file needs it any more.
func (w *writers) leave(s *slab) {
	if s.users.Add(-1) == 0 {
		s.release()
		w.free <- s
	}
}

// stop waits until all slabs are written, and returns the error of the first file that has one.
func (w *writers) stop() error {
	for _, queue := range w.queues {
		close(queue)
	}
	w.wg.Wait()
	for _, a := range w.artifacts {
		for _, s := range a.streams {
			if s.err != nil {
				return s.err
			}
		}
	}
	return nil
}
