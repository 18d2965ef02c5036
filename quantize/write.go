package quantize

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"time"

	"bitmill/formats/checkpoint"
	"bitmill/formats/file"
	"bitmill/formats/gguf"
	"bitmill/formats/imatrix"
)

// Job is one artifact to write.
type Job struct {
	Plan *Plan
	Path string // of a split artifact, its shards are named after it: NAME-00001-of-0000N.gguf for NAME.gguf

	// Key covers what the artifact is made from: source, importance matrix and version of the tool. With one, writing
	// that was broken off is taken up again by the next Write with the same key and an equal plan; without, it is not.
	Key string
}

// paths lists the files of the artifact.
func (j Job) paths() []string {
	n := len(j.Plan.Shards)
	if n == 0 {
		return []string{j.Path}
	}
	list := make([]string, n)
	for i := range list {
		list[i] = gguf.ShardPath(strings.TrimSuffix(j.Path, ".gguf"), i, n)
	}
	return list
}

// WriteOptions says how to write; the bytes do not depend on it.
type WriteOptions struct {
	Threads  int                     // 0: one per processor
	Memory   int64                   // bytes that the buffers of all threads together may take; 0: DefaultMemory
	Progress func(done, total int64) // bytes of the source; called by one goroutine at a time
	Scan     func(done, total int64) // the same of the look for NaN before anything is written
	Done     func(Written) error     // called for every artifact as soon as it has its name

	// Reuse names earlier artifacts from which tensors of the same name, type and shape are copied. The caller vouches
	// for them: they must be whole and made from the same source, with the same importance matrix, by the same version.
	Reuse []string

	// JournalEvery is the least time between two notes of how far a file has come; 0: a second.
	JournalEvery time.Duration
}

// Written is one artifact that is complete under its final name. Of a set of shards Path is the first one's, Bytes are
// those of all, and SHA256 is empty.
type Written struct {
	file.Written
	Files   []file.Written
	Resumed int // tensors that an interrupted Write had written
	Reused  int // tensors copied from earlier artifacts
}

// Write makes all artifacts in one pass over the source. Every tensor is read in slabs of rows, decoded once and
// encoded once per distinct type; worker goroutines take slabs as they come, a collector puts them in order and one
// goroutine per file hashes and writes them, so at most a few slabs per thread are in memory.
//
// A source that holds NaN or infinity fails before the first byte is written: it is read for them beforehand, unless
// it was hashed, which looks for them on the way, or a journal tells that an earlier process did.
//
// imatrix is the matrix that the plans were made with. Existing files are replaced. On an error or when ctx ends, no
// file appears that was not complete; the list holds those that did. Jobs with a key leave, when ctx or the process
// ends, unfinished files NAME.part with a journal beside them, for the next Write to go on.
func Write(ctx context.Context, c *checkpoint.Checkpoint, imatrix *imatrix.Matrix, jobs []Job, o WriteOptions) (written []Written, err error) {
	o.Threads = checkpoint.Workers(o.Threads)
	o.Memory = cmp.Or(o.Memory, DefaultMemory)
	o.JournalEvery = cmp.Or(o.JournalEvery, time.Second)
	if len(jobs) == 0 {
		return nil, errors.New("quantize: nothing to write")
	}
	tasks, err := newTasks(c, imatrix, jobs)
	if err != nil {
		return nil, err
	}
	if err := checkJobs(c, jobs); err != nil {
		return nil, err
	}
	if err := checkSpace(jobs); err != nil {
		return nil, err
	}
	old, err := openDonors(o.Reuse)
	if err != nil {
		return nil, err
	}
	defer old.close()
	var artifacts []*artifact
	begun := false
	defer func() {
		// What went wrong before anything was done is no reason to lose what an earlier process did.
		keep := !begun || ctx.Err() != nil && errors.Is(err, ctx.Err())
		for _, a := range artifacts {
			a.leave(keep)
		}
	}()
	for _, j := range jobs {
		a, err := openArtifact(j, o.JournalEvery)
		if err != nil {
			return nil, err
		}
		artifacts = append(artifacts, a)
	}
	if err := begin(ctx, c, artifacts, o); err != nil {
		return nil, err
	}
	begun = true
	if err := convertAll(ctx, c.Path, tasks, artifacts, old, o); err != nil {
		return nil, err
	}
	old.close() // so that one of them can be replaced
	for _, a := range artifacts {
		w, err := a.finish()
		if err != nil {
			return written, err
		}
		written = append(written, w)
		if o.Done != nil {
			if err := o.Done(w); err != nil {
				return written, err
			}
		}
	}
	return written, nil
}

// begin writes the headers, after a look at the whole source where no earlier process had one.
func begin(ctx context.Context, c *checkpoint.Checkpoint, artifacts []*artifact, o WriteOptions) error {
	if !slices.ContainsFunc(artifacts, (*artifact).takenUp) {
		if err := c.CheckFinite(ctx, checkpoint.ScanOptions{Pass: checkpoint.Pass{Threads: o.Threads, Progress: o.Scan}}); err != nil {
			return err
		}
	}
	for _, a := range artifacts {
		if err := a.begin(); err != nil {
			return err
		}
	}
	return nil
}

// convertAll leaves out what is done already, and converts the rest.
func convertAll(ctx context.Context, source string, tasks []*task, artifacts []*artifact, old donors, o WriteOptions) error {
	m := meter{show: o.Progress}
	var left []*task
	for _, t := range tasks {
		m.total += t.size()
		if t.settle(artifacts, old) {
			left = append(left, t)
		} else {
			m.done += t.size()
		}
	}
	return convert(ctx, source, left, artifacts, o, &m)
}

// meter counts the bytes of the source that are behind us.
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
func convert(ctx context.Context, source string, tasks []*task, artifacts []*artifact, o WriteOptions, m *meter) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	// A slab is made when one is free, worked on by any worker, and collected in the order it was made.
	b := cut(tasks, o.Threads, o.Memory)
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
			w := worker{values: make([]float32, b.values)}
			for s := range work {
				if s.err = ctx.Err(); s.err == nil {
					s.err = w.encode(s)
				}
				s.done <- struct{}{}
			}
		})
	}
	out := startWriters(artifacts, b.slabs, free, cancel)
	err := collect(ctx, source, order, out, m)
	cancel()
	wg.Wait()
	// A file that cannot be written ends everything else: it is the cause.
	if failed := out.stop(); failed != nil {
		return failed
	}
	return err
}

// collect hands finished slabs to the files. The first slab in order that failed decides the error; source is the path
// it names.
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
	}
	return ctx.Err()
}

// checkJobs refuses what cannot end well.
func checkJobs(c *checkpoint.Checkpoint, jobs []Job) error {
	var sources []os.FileInfo
	for _, path := range append(folderFiles(c.Path), c.Files()...) {
		if st, err := os.Stat(path); err == nil {
			sources = append(sources, st)
		}
	}
	seen := map[string]bool{}
	for _, name := range targets(jobs) {
		path := filepath.Clean(name)
		if seen[path] {
			return fmt.Errorf("two artifacts would be written to %s", name)
		}
		seen[path] = true
		if target, err := os.Stat(path); err == nil && slices.ContainsFunc(sources, func(s os.FileInfo) bool { return os.SameFile(s, target) }) {
			return fmt.Errorf("%s is the source itself: choose another name for the artifact", name)
		}
		if err := file.CheckTarget(name); err != nil {
			return err
		}
	}
	return nil
}

// folderFiles lists what a Hugging Face folder holds besides artifacts: its configuration and vocabulary are as much the
// model as its tensors.
func folderFiles(path string) (list []string) {
	entries, err := os.ReadDir(path)
	if err != nil {
		return nil // a file
	}
	for _, e := range entries {
		if filepath.Ext(e.Name()) != ".gguf" {
			list = append(list, filepath.Join(path, e.Name()))
		}
	}
	return list
}

// targets lists the files of all jobs.
func targets(jobs []Job) (list []string) {
	for _, j := range jobs {
		list = append(list, j.paths()...)
	}
	return list
}

// checkSpace fails when the artifacts of a folder do not fit together.
func checkSpace(jobs []Job) error {
	need := map[string]int64{}
	for _, j := range jobs {
		if len(j.Plan.Shards) == 0 {
			need[filepath.Dir(j.Path)] += file.Missing(j.Path, j.Plan.FileBytes)
			continue
		}
		for i, path := range j.paths() {
			need[filepath.Dir(path)] += file.Missing(path, j.Plan.Shards[i].Layout.FileBytes)
		}
	}
	for folder, bytes := range need {
		if err := file.CheckSpace(folder, bytes); err != nil {
			return err
		}
	}
	return nil
}
