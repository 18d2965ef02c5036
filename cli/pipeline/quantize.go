package pipeline

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"bitmill/cli/steps"
	"bitmill/formats/file"
	"bitmill/quantize"
)

// artifact is one file that was made.
type artifact struct {
	planned
	file   string // in the model's folder
	key    string // covers everything that its bytes depend on
	sha256 string
	model  *Model   // nil: not opened yet
	kept   []string // matrices to which the method gave the encoder's values, folded
	tuned  *quantize.Tuning

	windows int // of the text, that a probe takes whatever the goal is; 0: as the goal says
}

func (j *job) artifactName(v variant) string { return j.name + "-" + v.word() + ".gguf" }

// clearParts removes what a killed run left half-written, except for artifacts that this run resumes.
func (j *job) clearParts() error {
	if err := file.Discard(j.path(imatrixName)); err != nil {
		return err
	}
	mine := map[string]bool{}
	for _, v := range j.variants {
		mine[j.artifactName(v)] = true
	}
	entries, err := os.ReadDir(j.store.Dir)
	if err != nil {
		return err
	}
	for _, e := range entries {
		name, unfinished := artifactOf(e.Name())
		if !unfinished || !strings.HasPrefix(name, j.name+"-") {
			continue
		}
		if !mine[name] {
			err = errors.Join(err, file.Discard(j.path(name)))
		}
		if !mine[name] || !quantize.Fits(j.method) {
			err = errors.Join(err, discardFeedback(j.path(name)))
		}
	}
	return err
}

// artifactOf is the name of the artifact that an unfinished file, or one beside it, belongs to.
func artifactOf(name string) (artifact string, unfinished bool) {
	if whole, ok := strings.CutSuffix(name, ".gguf.part"); ok {
		return whole + ".gguf", true
	}
	for _, end := range besides("") {
		if stem, ok := strings.CutSuffix(name, end); ok {
			return stem + ".gguf", true
		}
	}
	return "", false
}

// recipe are the options of artifacts, without a format.
func (j *job) recipe(in inputs) quantize.Options {
	o := j.options()
	o.Provenance, o.Shares = in.provenance.Metadata(j.source.Checkpoint), in.shares
	if in.imatrix != nil {
		o.ImatrixFile = j.imatrixFile()
	}
	return o
}

// imatrixFile is the name of the imatrix that artifacts record.
func (j *job) imatrixFile() string { return cmp.Or(j.o.Imatrix, imatrixName) }

// quantize writes the missing artifacts, all from one read of the source. Tensors that an earlier artifact has in the
// right type are copied from it. Formats that cannot hold the source's values are left out.
func (j *job) quantize(ctx context.Context, in inputs) (made []*artifact, err error) {
	o := j.recipe(in)
	plans, err := j.plans(ctx, j.variants, in, o)
	if err != nil {
		return nil, err
	}
	resume, err := in.provenance.ResumeKey(j.source.Checkpoint, in.imatrix)
	if err != nil {
		return nil, err
	}
	var missing []quantize.Artifact
	var donors []string
	j.warnOf(plans)
	for _, p := range plans {
		a := &artifact{planned: p, file: j.artifactName(p.variant)}
		if a.key, err = in.provenance.ArtifactKey(p.options(o)); err != nil {
			return nil, err
		}
		path := j.path(a.file)
		rec, whole := j.recorded(p.variant)
		if whole && dataOf(rec).Provenance == in.provenance {
			donors = append(donors, path)
		}
		switch {
		case j.wasBlocked(a):
			if err := file.Discard(path); err != nil {
				return nil, err
			}
			continue
		case whole && rec.Key == a.key:
			a.sha256, a.kept, a.tuned = rec.Outputs[0].SHA256, dataOf(rec).Kept, dataOf(rec).Tuned
			if err := errors.Join(file.Discard(path), discardFeedback(path)); err != nil {
				return nil, err
			}
		default:
			missing = append(missing, quantize.Artifact{Plan: p.Plan, Path: path, ResumeKey: resume})
		}
		made = append(made, a)
	}
	if len(missing) > 0 {
		if made, err = j.write(ctx, in, made, missing, donors); err != nil {
			return nil, err
		}
	}
	if len(made) == 0 {
		return nil, &blockedModelError{j.blocked}
	}
	for _, b := range j.blocked {
		j.warn("%s: %s", j.name, b.Reason)
	}
	return made, nil
}

// write writes the missing artifacts and returns those of made that are there.
func (j *job) write(ctx context.Context, in inputs, made []*artifact, missing []quantize.Artifact,
	donors []string) ([]*artifact, error) {
	if err := j.forgetReport(missing); err != nil {
		return nil, err
	}
	write := quantize.WriteOptions{Threads: j.Threads, Memory: j.o.Memory, Reuse: donors,
		Done: func(w quantize.Written) error { return j.record(made, in.provenance, w) }}
	var written []quantize.Written
	var err error
	done := func() {}
	if quantize.Fits(in.provenance.Method) {
		written, err = j.WriteFeedback(ctx, j.source.Checkpoint, in.imatrix, j.calibration, j.o.Recipe.Fit, missing, write)
	} else {
		step := j.Events.Begin("quantize "+j.name, "bytes")
		write.Progress, done = step.Set, step.Done
		written, err = quantize.Write(ctx, j.source.Checkpoint, in.imatrix, missing, write)
	}
	var partial *quantize.PartialError
	if errors.As(err, &partial) {
		made, err = j.leaveOut(made, partial)
	}
	if err != nil {
		return nil, err
	}
	done()
	if note := ReuseNote(written); note != "" {
		j.Events.Note(j.name + ": " + note)
	}
	return made, nil
}

// warnOf reports the plans' warnings, each once with the formats that it is about.
func (j *job) warnOf(plans []planned) {
	var texts []string
	about := map[string][]string{}
	for _, p := range plans {
		for _, w := range Fold(p.Warnings) {
			if about[w] == nil {
				texts = append(texts, w)
			}
			about[w] = append(about[w], p.name())
		}
	}
	for _, w := range texts {
		j.warn("%s %s: %s", j.name, some(about[w]), w)
	}
}

// recorded returns the record of an artifact that is still as it was written.
func (j *job) recorded(v variant) (*steps.Record, bool) {
	rec, whole := j.store.Intact("quantize-" + v.word())
	return rec, whole && len(rec.Outputs) == 1
}

// artifactData is what an artifact's record states.
type artifactData struct {
	quantize.Provenance
	Kept  []string         `json:"kept,omitempty"`
	Tuned *quantize.Tuning `json:"tuned,omitempty"`
}

func dataOf(rec *steps.Record) (d artifactData) {
	if json.Unmarshal(rec.Data, &d) != nil {
		return artifactData{}
	}
	return d
}

// forgetReport removes an earlier run's report if files that it describes are about to be replaced.
func (j *job) forgetReport(missing []quantize.Artifact) error {
	for _, a := range missing {
		if _, err := os.Stat(a.Path); err != nil {
			continue
		}
		for _, n := range reportNames {
			if err := os.Remove(filepath.Join(j.o.Out, n)); err != nil && !errors.Is(err, fs.ErrNotExist) {
				return err
			}
		}
		if err := j.unpublish(); err != nil {
			return err
		}
	}
	return nil
}

// record records an artifact that was written.
func (j *job) record(made []*artifact, from quantize.Provenance, w quantize.Written) error {
	name := filepath.Base(w.Path)
	i := slices.IndexFunc(made, func(a *artifact) bool { return a.file == name })
	if i < 0 {
		return fmt.Errorf("internal error: %s was written without a plan", w.Path)
	}
	made[i].sha256, made[i].kept, made[i].tuned = w.SHA256, w.Kept, w.Tuned
	out := file.Written{Path: name, Bytes: w.Bytes, SHA256: w.SHA256}
	err := j.store.Save("quantize-"+made[i].word(), made[i].key, []file.Written{out},
		artifactData{from, w.Kept, w.Tuned})
	return err
}

// ReuseNote says how many tensors did not have to be encoded; "" if all had to.
func ReuseNote(written []quantize.Written) string {
	resumed, reused := 0, 0
	for _, w := range written {
		resumed, reused = resumed+w.Resumed, reused+w.Reused
	}
	note := ""
	if resumed > 0 {
		note = fmt.Sprintf("%d tensors had been written before an interruption", resumed)
	}
	if reused > 0 {
		if note != "" {
			note += ", "
		}
		note += fmt.Sprintf("%d were copied from earlier artifacts", reused)
	}
	return note
}
