package pipeline

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"bitmill/eval/infer"
	"bitmill/eval/machine"
	"bitmill/formats/checkpoint"
	"bitmill/formats/file"
	"bitmill/formats/imatrix"
	"bitmill/quantize"
	"bitmill/quantize/feedback"
)

// feedbackStart is an artifact on its way through method feedback: as the encoders make it, with what is chosen so far.
type feedbackStart struct {
	quantize.Artifact
	path    string // of the encoders' artifact
	chosen  string // of the store
	encoded *checkpoint.Checkpoint
	store   *feedback.Store
}

// WriteFeedback writes artifacts by method feedback. The encoders' artifacts and what is chosen so far lie beside them
// until they are done, so that an interrupted call is resumed. windows are of the calibration text.
func (s Session) WriteFeedback(ctx context.Context, c *checkpoint.Checkpoint, m *imatrix.Matrix, windows [][]int32,
	fit quantize.Fit, artifacts []quantize.Artifact, o quantize.WriteOptions) (written []quantize.Written, err error) {
	starts := make([]*feedbackStart, len(artifacts))
	defer func() {
		for _, a := range starts {
			if a != nil {
				err = errors.Join(err, a.close())
			}
		}
	}()
	for i, a := range artifacts {
		if len(a.Plan.Shards) > 1 {
			return nil, UsageError{fmt.Errorf("method feedback writes one file: leave out --keep-split and --split-max-size")}
		}
		starts[i] = &feedbackStart{Artifact: a}
		starts[i].path, starts[i].chosen, _ = feedbackFiles(a.Path)
	}
	var blocked *quantize.PartialError
	switch err := s.encode(ctx, c, m, starts, o); {
	case errors.As(err, &blocked): // formats that cannot hold the source's values
		starts = slices.DeleteFunc(starts, func(a *feedbackStart) bool { return !a.whole() })
	case err != nil:
		return nil, err
	}
	if len(starts) == 0 {
		return nil, blocked
	}
	list := make([]feedback.Artifact, len(starts)) // those of a group have a pass of the full model in common
	for i, a := range starts {
		if err := a.open(s.Source); err != nil {
			return nil, err
		}
		list[i] = feedback.Artifact{Checkpoint: a.encoded, Have: a.store.Have, Store: a.store.Put}
	}
	if err := s.choose(ctx, c, windows, fit, list); err != nil {
		return nil, err
	}
	for _, a := range starts {
		n, kept := a.store.Kept()
		if n > 0 {
			s.Events.Note(fmt.Sprintf("%s: %d of %d matrices keep the encoder's values, as others were not better on text held back: %s",
				filepath.Base(a.Path), n, a.store.Len(), some(kept)))
		}
		if err := a.store.Check(); err != nil {
			return written, err
		}
		one := o
		step := s.Events.Begin("write "+filepath.Base(a.Path), "bytes")
		one.Chosen, one.Reuse, one.Progress = a.data, nil, step.Set
		if o.Done != nil {
			one.Done = func(w quantize.Written) error {
				w.Kept = kept
				return o.Done(w)
			}
		}
		w, err := quantize.Write(ctx, c, m, []quantize.Artifact{a.Artifact}, one)
		written = append(written, w...)
		if err != nil {
			return written, err
		}
		step.Done()
		if err := a.remove(); err != nil {
			return written, err
		}
	}
	if blocked != nil {
		return written, blocked
	}
	return written, nil
}

// encode writes what the encoders make of the artifacts, unless an earlier call has.
func (s Session) encode(ctx context.Context, c *checkpoint.Checkpoint, m *imatrix.Matrix, starts []*feedbackStart,
	o quantize.WriteOptions) error {
	var missing []quantize.Artifact
	for _, a := range starts {
		if a.whole() {
			continue
		}
		key, err := file.Key("feedback start", a.ResumeKey)
		if err != nil {
			return err
		}
		missing = append(missing, quantize.Artifact{Plan: a.Plan, Path: a.path, ResumeKey: key})
	}
	if missing == nil {
		return nil
	}
	step := s.Events.Begin("quantize "+ModelName(c.Path), "bytes")
	o.Progress, o.Done = step.Set, nil
	if _, err := quantize.Write(ctx, c, m, missing, o); err != nil {
		return err
	}
	step.Done()
	return nil
}

// whole reports whether the encoders' artifact is there, as the plan has it.
func (a *feedbackStart) whole() bool {
	st, err := os.Stat(a.path)
	if err != nil || st.Size() != a.Plan.FileBytes {
		return false
	}
	e, err := checkpoint.Open(a.path)
	if err != nil {
		return false
	}
	defer e.Close()
	return quantize.ReadProvenance(e.Metadata) == quantize.ReadProvenance(a.Plan.Metadata)
}

// open opens the encoders' artifact and the store.
func (a *feedbackStart) open(o checkpoint.OpenOptions) (err error) {
	o.Adapter = ""
	if a.encoded, err = checkpoint.OpenWith(a.path, o); err != nil {
		return err
	}
	key, err := file.Key("feedback", a.ResumeKey, a.Plan.FileBytes, filepath.Base(a.Path))
	if err != nil {
		return err
	}
	a.store, err = feedback.OpenStore(a.chosen, key)
	return err
}

// choose runs the method, unless everything is chosen already: for all artifacts at once if memory suffices, otherwise
// for some after the others. Their values do not depend on it.
func (s Session) choose(ctx context.Context, c *checkpoint.Checkpoint, windows [][]int32, fit quantize.Fit,
	list []feedback.Artifact) error {
	pool := s.Pool()
	defer pool.Close()
	size, err := feedbackGroup(c, windows, fit, len(list))
	if err != nil {
		return err
	}
	for group := range slices.Chunk(list, size) {
		step := s.Events.Begin("feedback "+ModelName(c.Path), "matrices")
		o := feedback.Options{Damping: fit.Damping, Tokens: fit.Tokens, Starts: fit.Starts, Progress: step.Set}
		if err := feedback.Run(ctx, pool, c, windows, group, o); err != nil {
			return err
		}
		step.Done()
	}
	return nil
}

// availableMemory is a variable for tests.
var availableMemory = machine.Available

// feedbackGroup is how many of the artifacts memory suffices for at once. It fails when that is none: fewer tokens
// would give other files, so it is up to the user.
func feedbackGroup(c *checkpoint.Checkpoint, windows [][]int32, fit quantize.Fit, artifacts int) (int, error) {
	free, ok := availableMemory()
	if !ok || len(windows) == 0 || artifacts == 0 {
		return max(1, artifacts), nil
	}
	tokens := feedback.Tokens(c, len(windows)*len(windows[0]), fit.Tokens)
	for n := artifacts; n > 0; n-- {
		if feedback.Memory(c, tokens, n) <= free {
			return n, nil
		}
	}
	hint := "--method reference takes none of it"
	if n := feedback.Fitting(c, 1, free); n > 0 {
		hint = fmt.Sprintf("use --fit-tokens %d, or --method reference", n)
	}
	return 0, fmt.Errorf("%w: method feedback takes %d MiB for %d tokens of %s, %d MiB are free; %s",
		infer.ErrMemory, feedback.Memory(c, tokens, 1)>>20, tokens, ModelName(c.Path), free>>20, hint)
}

// data is a tensor's chosen data, or else what the encoders made of it.
func (a *feedbackStart) data(name string) []byte {
	t, ok := a.encoded.Tensor(name)
	if !ok {
		return nil
	}
	if data := a.store.Tensor(name, t.Bytes()); data != nil {
		return data
	}
	return t.Bytes()
}

// remove removes what was beside the artifact.
func (a *feedbackStart) remove() error {
	store, encoded := a.store, a.encoded
	a.store, a.encoded = nil, nil
	return errors.Join(store.Remove(), encoded.Close(), os.Remove(a.path))
}

func (a *feedbackStart) close() (err error) {
	if a.store != nil {
		err = a.store.Close()
	}
	if a.encoded != nil {
		err = errors.Join(err, a.encoded.Close())
	}
	return err
}

// feedbackFiles are what lies beside an artifact while method feedback works on it: the encoders' artifact, what is
// chosen, and the journal of that.
func feedbackFiles(path string) (encoded, chosen, journal string) {
	stem := strings.TrimSuffix(path, ".gguf")
	return stem + ".reference", stem + ".feedback", stem + ".feedback.journal"
}

// discardFeedback removes what an interrupted run left beside an artifact.
func discardFeedback(path string) error {
	encoded, chosen, journal := feedbackFiles(path)
	for _, p := range []string{encoded, chosen, journal} {
		if err := os.Remove(p); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return err
		}
	}
	return file.Discard(encoded)
}
