package quantize

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"sync"

	"bitmill/formats/checkpoint"
	"bitmill/formats/file"
	"bitmill/formats/stats"
)

// Job is one artifact to write.
type Job struct {
	Plan *Plan
	Path string
}

// WriteOptions says how to write; the bytes do not depend on it.
type WriteOptions struct {
	Threads  int                     // 0: one per processor
	Progress func(done, total int64) // bytes of the source; called by one goroutine at a time
}

// Written is one artifact that is complete under its final name.
type Written struct {
	Path   string
	SHA256 string // of the whole file, hexadecimal
	Bytes  int64
}

// Write makes all artifacts in one pass over the source. Every tensor is read in slabs of rows, decoded once and
// encoded once per distinct type; worker goroutines take slabs as they come and a collector writes them in order, so
// at most a few slabs per thread are in memory.
//
// imatrix is the matrix that the plans were made with. Existing files are replaced. On an error or when ctx ends, no
// file appears that was not complete; the list holds those that did.
func Write(ctx context.Context, c *checkpoint.Checkpoint, imatrix *stats.Matrix, jobs []Job, o WriteOptions) ([]Written, error) {
	if o.Threads <= 0 {
		o.Threads = runtime.GOMAXPROCS(0)
	}
	if err := checkJobs(c, jobs); err != nil {
		return nil, err
	}
	tasks, err := newTasks(c, imatrix, jobs)
	if err != nil {
		return nil, err
	}
	if err := checkSpace(jobs); err != nil {
		return nil, err
	}
	artifacts := make([]*artifact, 0, len(jobs))
	defer func() {
		for _, a := range artifacts {
			a.pending.Abort()
		}
	}()
	for _, j := range jobs {
		a, err := newArtifact(j)
		if err != nil {
			return nil, err
		}
		artifacts = append(artifacts, a)
	}
	if err := convert(ctx, c.Path, tasks, artifacts, o); err != nil {
		return nil, err
	}
	var written []Written
	for _, a := range artifacts {
		w, err := a.finish()
		if err != nil {
			return written, err
		}
		written = append(written, w)
	}
	return written, nil
}

// convert runs the slabs of all tasks through the workers and hands them to the artifacts in order.
func convert(ctx context.Context, source string, tasks []*task, artifacts []*artifact, o WriteOptions) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	// A slab is made when one is free, worked on by any worker, and collected in the order it was made.
	window := 2*o.Threads + 1
	free, work, order := make(chan *slab, window), make(chan *slab, window), make(chan *slab, window)
	for range window {
		free <- &slab{done: make(chan struct{}, 1)}
	}
	var wg sync.WaitGroup
	wg.Go(func() {
		defer close(work)
		defer close(order)
		for _, t := range tasks {
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
	for range o.Threads {
		wg.Go(func() {
			var w worker
			for s := range work {
				if s.err = ctx.Err(); s.err == nil {
					s.err = w.encode(s)
				}
				s.done <- struct{}{}
			}
		})
	}
	err := collect(ctx, source, tasks, order, free, artifacts, o.Progress)
	cancel()
	wg.Wait()
	return err
}

// collect appends finished slabs to the artifacts. The first slab in order that failed decides the error;
// source is the path it names.
func collect(ctx context.Context, source string, tasks []*task, order <-chan *slab, free chan<- *slab, artifacts []*artifact, progress func(done, total int64)) error {
	var done, total int64
	for _, t := range tasks {
		total += t.rows * t.sourceRow
	}
	for s := range order {
		<-s.done
		if s.err != nil {
			return fmt.Errorf("%s: %w", source, s.err)
		}
		for i, a := range artifacts {
			if err := a.append(s.task.index, s.first == 0, s.outputs[s.task.use[i]]); err != nil {
				return err
			}
		}
		s.task.tensor.Release(s.first, s.rows)
		done += s.rows * s.task.sourceRow
		if progress != nil {
			progress(done, total)
		}
		free <- s
	}
	return ctx.Err()
}

// checkJobs refuses what cannot end well.
func checkJobs(c *checkpoint.Checkpoint, jobs []Job) error {
	if len(jobs) == 0 {
		return errors.New("quantize: nothing to write")
	}
	var sources []os.FileInfo
	for _, path := range c.Files() {
		if st, err := os.Stat(path); err == nil {
			sources = append(sources, st)
		}
	}
	seen := map[string]bool{}
	for _, j := range jobs {
		path := filepath.Clean(j.Path)
		if seen[path] {
			return fmt.Errorf("two artifacts would be written to %s", j.Path)
		}
		seen[path] = true
		if target, err := os.Stat(path); err == nil && slices.ContainsFunc(sources, func(s os.FileInfo) bool { return os.SameFile(s, target) }) {
			return fmt.Errorf("%s is the source itself: choose another name for the artifact", j.Path)
		}
		if err := file.CheckTarget(j.Path); err != nil {
			return err
		}
	}
	return nil
}

// checkSpace fails when the artifacts of a folder do not fit together.
func checkSpace(jobs []Job) error {
	need := map[string]int64{}
	for _, j := range jobs {
		need[filepath.Dir(j.Path)] += j.Plan.FileBytes
	}
	for folder, bytes := range need {
		if err := file.CheckSpace(folder, bytes); err != nil {
			return err
		}
	}
	return nil
}
