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
	"bitmill/formats"
	"bitmill/formats/checkpoint"
	"bitmill/formats/file"
	"bitmill/formats/imatrix"
	"bitmill/quantize"
	"bitmill/quantize/feedback"
	"bitmill/quantize/tune"
)

// feedbackStart is an artifact on its way through method feedback: as the encoders make it, with what is chosen so far.
type feedbackStart struct {
	quantize.Artifact
	path    string // of the encoders' artifact
	chosen  string // of the store
	scratch string // of what lies between layers, of all artifacts where it is the first
	state   string // of tuning
	encoded *checkpoint.Checkpoint
	store   *feedback.Store
	tuned   map[string][]byte // data by tensor, of those that method tuned has changed
	tuning  *quantize.Tuning
}

// WriteFeedback writes artifacts by method feedback, and tunes them if their plans say so. The encoders' artifacts and
// what is chosen so far lie beside them until they are done, so that an interrupted call is resumed. windows are of the
// calibration text.
func (s Session) WriteFeedback(ctx context.Context, c *checkpoint.Checkpoint, m *imatrix.Matrix, windows [][]int32,
	fit quantize.Fit, artifacts []quantize.Artifact, o quantize.WriteOptions) (written []quantize.Written, err error) {
	room, err := feedbackRoom(c, windows, fit, len(artifacts), o.Memory)
	if err != nil {
		return nil, err
	}
	all := make([]*feedbackStart, len(artifacts))
	defer func() {
		for _, a := range all {
			if a != nil {
				err = errors.Join(err, a.close())
			}
		}
	}()
	for i, a := range artifacts {
		if len(a.Plan.Shards) > 1 {
			return nil, UsageError{fmt.Errorf("method %s writes one file: leave out --keep-split and --split-max-size",
				a.Plan.Options.Method)}
		}
		all[i] = &feedbackStart{Artifact: a, state: tunedFile(a.Path)}
		all[i].path, all[i].chosen, _, all[i].scratch = feedbackFiles(a.Path)
	}
	starts := slices.Clone(all)
	if err := file.CheckSpace(filepath.Dir(starts[0].Path), feedbackSpace(starts, room)); err != nil {
		return nil, err
	}
	for _, a := range starts {
		if err := a.openStore(); err != nil {
			return nil, err
		}
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
	list := make([]feedback.Artifact, len(starts))
	for i, a := range starts {
		if err := a.open(s.Source); err != nil {
			return nil, err
		}
		list[i] = feedback.Artifact{Checkpoint: a.encoded, Have: a.store.Have, Store: a.store.Put}
	}
	if err := s.choose(ctx, c, windows, fit, list, room, starts[0].scratch); err != nil {
		return nil, err
	}
	if starts[0].Plan.Options.Method == quantize.Tuned {
		if err := s.tune(ctx, c, windows, fit, starts); err != nil {
			return nil, err
		}
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
				w.Kept, w.Tuned = kept, a.tuning
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
	for _, p := range a.Plan.Tensors {
		if t, ok := e.Tensor(p.Name); !ok || t.Type != p.Type {
			return false
		}
	}
	return quantize.ReadProvenance(e.Metadata) == quantize.ReadProvenance(a.Plan.Metadata)
}

// key covers what the artifact is made from, and its tensors with their types.
func (a *feedbackStart) key(what string, more ...any) (string, error) {
	return file.Key(append([]any{what, a.ResumeKey, a.Plan.GGUFTensors(), filepath.Base(a.Path)}, more...)...)
}

// openStore opens what is chosen so far, which no other process can have open.
func (a *feedbackStart) openStore() error {
	key, err := a.key("feedback")
	if err == nil {
		a.store, err = feedback.OpenStore(a.chosen, key)
	}
	if errors.Is(err, file.ErrBusy) {
		return fmt.Errorf("%s: %w; wait for it, or choose another name", a.Path, file.ErrBusy)
	}
	return err
}

// open opens the encoders' artifact.
func (a *feedbackStart) open(o checkpoint.OpenOptions) (err error) {
	o.Adapter = ""
	a.encoded, err = checkpoint.OpenWith(a.path, o)
	return err
}

// choose runs the method, unless everything is chosen already.
func (s Session) choose(ctx context.Context, c *checkpoint.Checkpoint, windows [][]int32, fit quantize.Fit,
	list []feedback.Artifact, room feedback.Room, scratch string) error {
	pool := s.Pool()
	defer pool.Close()
	step := s.Events.Begin("feedback "+ModelName(c.Path), "matrices")
	o := feedback.Options{Damping: fit.Damping, Tokens: fit.Tokens, Starts: fit.Starts, Progress: step.Set}
	if room.Again() > 0 {
		o.Group, o.Last = room.Group, room.Last
		s.Events.Note(roomNote(room, scratch))
	}
	if room.File > 0 {
		o.Scratch = scratch
	} else {
		os.Remove(scratch) // of a killed run that had less memory
	}
	if err := feedback.Run(ctx, pool, c, windows, list, o); err != nil {
		return err
	}
	step.Done()
	return nil
}

// roomNote says what method feedback does for want of memory.
func roomNote(r feedback.Room, scratch string) string {
	note := fmt.Sprintf("method feedback takes up to %s of memory", formats.Size(r.Memory))
	if r.File > 0 {
		note += fmt.Sprintf(", and %s in %s while it runs", formats.Size(r.File), filepath.Base(scratch))
	}
	return note + fmt.Sprintf("; %.0f %% of the tokens go through parts of each layer again: more memory saves that time",
		100*r.Again())
}

// feedbackSpace is what the artifacts and the files beside them need on the disk, but for what an interrupted call has
// left.
func feedbackSpace(starts []*feedbackStart, room feedback.Room) int64 {
	need := rest(starts[0].scratch, room.File)
	for _, a := range starts {
		size := a.Plan.FileBytes
		need += file.Missing(a.Path, size) + rest(a.chosen, size)
		if !a.whole() {
			need += file.Missing(a.path, size)
		}
		if a.Plan.Options.Method == quantize.Tuned {
			need += rest(a.state, tune.StateBytes(a.Plan.Parameters, size))
		}
	}
	return need
}

// rest is what a file lacks of a size.
func rest(path string, size int64) int64 { return max(0, size-sizeOf(path)) }

// availableMemory is a variable for tests.
var availableMemory = machine.Available

// feedbackRoom is how method feedback goes through the text with the memory that is free, or up to a limit. It fails
// where the least that it takes is more: memory beyond that makes it faster, and changes no byte.
func feedbackRoom(c *checkpoint.Checkpoint, windows [][]int32, fit quantize.Fit, artifacts int,
	limit int64) (feedback.Room, error) {
	free, ok := availableMemory()
	free -= free / 8 // for the cache of the models' files
	from := "are free"
	if limit > 0 && (!ok || limit < free) {
		free, ok, from = limit, true, "are what --max-memory allows"
	}
	if !ok {
		free = 0
	}
	r := feedback.RoomFor(c, len(windows)*len(windows[0]), len(windows[0]), fit.Tokens, artifacts, free)
	if ok && r.Memory > free {
		return r, fmt.Errorf("%w: method feedback takes %d MiB at least for %s, %d MiB %s; --method reference takes none of it",
			infer.ErrMemory, r.Memory>>20, ModelName(c.Path), free>>20, from)
	}
	return r, nil
}

// data is a tensor's chosen data, or else what the encoders made of it.
func (a *feedbackStart) data(name string) []byte {
	t, ok := a.encoded.Tensor(name)
	if !ok {
		return nil
	}
	if data := a.tuned[name]; data != nil {
		return data
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
	return errors.Join(store.Remove(), encoded.Close(), os.Remove(a.path), removeAny(a.state))
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
// chosen, the journal of that, and activations for which there is no memory.
func feedbackFiles(path string) (encoded, chosen, journal, scratch string) {
	stem := strings.TrimSuffix(path, ".gguf")
	return stem + ".reference", stem + ".feedback", stem + ".feedback.journal", stem + ".activations"
}

// tunedFile is the state of method tuned beside an artifact.
func tunedFile(path string) string { return strings.TrimSuffix(path, ".gguf") + ".tuned" }

// besides lists feedbackFiles and tunedFile, with those that are half written.
func besides(path string) []string {
	encoded, chosen, journal, scratch := feedbackFiles(path)
	state := tunedFile(path)
	return []string{encoded + ".part", encoded, chosen, journal, scratch, state + ".part", state}
}

// removeAny removes a file, if it is there.
func removeAny(path string) error {
	if err := os.Remove(path); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	return nil
}

// discardFeedback removes what an interrupted run left beside an artifact.
func discardFeedback(path string) error {
	encoded, _, _, _ := feedbackFiles(path)
	for _, p := range besides(path) {
		if err := removeAny(p); err != nil {
			return err
		}
	}
	return file.Discard(encoded)
}
