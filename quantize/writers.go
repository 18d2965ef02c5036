package quantize

import (
	"context"
	"sync"
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
	slab   *slab
	tensor int // in the order of the artifact
	data   []byte
}

// startWriters starts a goroutine per file. Slabs, n in all, return to free when all files have written them; cancel is
// called when a file cannot be written.
func startWriters(artifacts []*artifactWriter, n int, free chan<- *slab, cancel context.CancelFunc) *writers {
	w := &writers{artifacts: artifacts, queues: map[*stream]chan part{}, free: free, cancel: cancel}
	for _, a := range artifacts {
		for _, s := range a.streams {
			queue := make(chan part, n)
			w.queues[s] = queue
			w.wg.Go(func() { w.write(s, queue) })
		}
	}
	return w
}

// write is the goroutine of one file.
func (w *writers) write(s *stream, queue <-chan part) {
	for p := range queue {
		if s.err == nil {
			begins, ends := p.slab.first == 0, p.slab.ends()
			if s.err = s.append(p.tensor-s.shard.First, begins, ends, p.data); s.err != nil {
				w.cancel()
			}
		}
		w.leave(p.slab)
	}
}

// take passes a slab on to the files that need it. It never waits.
func (w *writers) take(s *slab) {
	t := s.task
	s.users.Store(1) // until all files have been told
	for i, a := range w.artifacts {
		if k := t.use[i]; k >= 0 {
			s.users.Add(1)
			w.queues[a.stream(t.index)] <- part{s, t.index, s.outputs[k]}
		}
	}
	w.leave(s)
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
