package quantize

import (
	"cmp"
	"context"
	"errors"
	"slices"
	"time"

	"bitmill/formats/checkpoint"
	"bitmill/formats/file"
	"bitmill/formats/imatrix"
)

// WriteOptions says how to write; the bytes do not depend on it.
type WriteOptions struct {
	Threads  int                     // 0: one per processor
	Memory   int64                   // bytes that the buffers of all threads together may take; 0: DefaultMemory
	Progress func(done, total int64) // bytes of the source; called by one goroutine at a time
	Scan     func(done, total int64) // the same for the check for NaN before anything is written
	Done     func(Written) error     // called for every artifact as soon as it has its final name

	// Reuse names earlier artifacts from which tensors of the same name, type and shape are copied. They must be whole
	// and of the same provenance, which the caller has checked.
	Reuse []string

	// Chosen returns the data of a tensor that a method has chosen; nil for one to be encoded. The function may be nil.
	// With it Write makes one artifact.
	Chosen func(tensor string) []byte

	// JournalEvery is the least time between two marks of a file's progress in its journal; 0: a second.
	JournalEvery time.Duration
}

// Written is one artifact that is complete under its final name. Of a set of shards Path is the first one's, Bytes are
// those of all, and SHA256 is empty.
type Written struct {
	file.Written
	Files   []file.Written
	Resumed int      // tensors that an interrupted Write had written
	Reused  int      // tensors copied from earlier artifacts
	Kept    []string // by method feedback: matrices with the encoder's values, names of neighbouring layers folded
	Tuned   *Tuning  // by method tuned
}

// Write makes all artifacts in one pass over the source. Every tensor is read in slabs of rows, decoded once and
// encoded once per distinct type; worker goroutines take slabs as they come, a collector puts them in order and one
// goroutine per file hashes and writes them, so at most a few slabs per thread are in memory.
//
// A source that holds NaN or infinity fails before the first byte is written: it is read for them beforehand, unless
// hashing it has looked for them, or an earlier process has according to a journal. No format has a right value for
// them, so no artifact is made; llama-quantize refuses them as well, also in tensors that it copies.
//
// A finite value that a type cannot hold, as F16 does not hold 70000, blocks the artifacts that give it this type. They
// leave no file; the others are made, and the error is a PartialError.
//
// imatrix is the matrix that the plans were made with. Existing files are replaced. On an error or when ctx ends, only
// complete files appear under their names; the list holds these. When ctx or the process ends, artifacts with a key
// leave unfinished files NAME.part with a journal beside them, which the next Write resumes.
func Write(ctx context.Context, c *checkpoint.Checkpoint, imatrix *imatrix.Matrix, artifacts []Artifact,
	o WriteOptions) (written []Written, err error) {
	o.Threads = checkpoint.Workers(o.Threads)
	o.Memory = cmp.Or(o.Memory, DefaultMemory)
	o.JournalEvery = cmp.Or(o.JournalEvery, time.Second)
	tasks, err := newTasks(c, imatrix, artifacts)
	if err != nil {
		return nil, err
	}
	if err := checkTargets(c, artifacts); err != nil {
		return nil, err
	}
	old, err := openDonors(o.Reuse)
	if err != nil {
		return nil, err
	}
	defer old.close()
	var writers []*artifactWriter
	begun := false
	defer func() {
		// An error before anything was done is not a reason to lose the work of an earlier process.
		keep := !begun || ctx.Err() != nil && errors.Is(err, ctx.Err()) && file.Unchanged() == nil
		for _, w := range writers {
			w.leave(keep)
		}
	}()
	for _, a := range artifacts {
		w, err := openArtifact(a, o.JournalEvery)
		if err != nil {
			return nil, err
		}
		writers = append(writers, w)
	}
	if err := begin(ctx, c, writers, o); err != nil {
		return nil, err
	}
	begun = true
	for _, t := range tasks {
		t.given = o.Chosen
	}
	if err := convertAll(ctx, c.Path, tasks, writers, old, o); err != nil {
		return nil, err
	}
	old.close() // so that one of them can be replaced
	if written, err = finish(writers, o.Done); err != nil {
		return written, err
	}
	return written, partial(c.Path, writers)
}

// begin writes the headers, after a check of the whole source for NaN unless an earlier process has done it.
func begin(ctx context.Context, c *checkpoint.Checkpoint, writers []*artifactWriter, o WriteOptions) error {
	if !slices.ContainsFunc(writers, (*artifactWriter).resumed) {
		pass := checkpoint.Pass{Threads: o.Threads, Progress: o.Scan}
		if err := c.CheckFinite(ctx, checkpoint.ScanOptions{Pass: pass}); err != nil {
			return err
		}
	}
	for _, w := range writers {
		if err := w.begin(); err != nil {
			return err
		}
	}
	return nil
}

// finish gives all artifacts that are not blocked their final names, and returns those that have them.
func finish(writers []*artifactWriter, done func(Written) error) (list []Written, err error) {
	for _, w := range writers {
		if w.blocked.Load() != nil {
			continue
		}
		written, err := w.finish()
		if err != nil {
			return list, err
		}
		list = append(list, written)
		if done != nil {
			if err := done(written); err != nil {
				return list, err
			}
		}
	}
	return list, nil
}
