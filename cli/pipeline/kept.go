package pipeline

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"slices"

	"bitmill/cli/steps"
)

// progress records in the output folder which steps of a forecast are done, so that the same run, begun again, can say
// what is left. What is kept in truth the records of the steps decide: this one is about the announcement alone.
type progress struct {
	Events
	store steps.Store
	key   string   // of options and inputs
	done  []string // names of steps
	begun []string
}

// progressStep names the record.
const progressStep = "progress"

// progressOf reads what an earlier run of the same options over the same inputs recorded.
func (p *prepared) progressOf(events Events) *progress {
	o := *p.o
	o.Out, o.Command, o.CommandLine, o.Threads, o.Memory, o.Force = "", "", "", 0, 0, false
	inputs, _ := json.Marshal(o) // plain values; where some were not, more is announced than is left
	parts := []any{string(inputs), p.texts.evaluation.sha256, p.texts.calibration.sha256}
	for _, j := range p.jobs {
		parts = append(parts, j.tokens, fmt.Sprint(stamps(j.source.Path, len(p.o.Models) == 0)))
	}
	t := &progress{Events: events, store: steps.Store{Dir: p.o.Out}, key: key(progressStep, parts...)}
	if rec, ok := t.store.Done(progressStep, t.key); ok {
		if json.Unmarshal(rec.Data, &t.done) != nil || p.lost(t.done) {
			t.done = nil
		}
	}
	return t
}

// stamps are names, sizes and, unless the files are the demo's, which may lie anywhere, times of a model's files.
func stamps(path string, demo bool) (list []string) {
	files, _ := filepath.Glob(filepath.Join(path, "*"))
	for _, f := range append(files, path) {
		if st, err := os.Stat(f); err == nil && !st.IsDir() {
			s := fmt.Sprint(filepath.Base(f), st.Size())
			if !demo {
				s += fmt.Sprint(st.ModTime().UnixNano())
			}
			list = append(list, s)
		}
	}
	return list
}

// lost reports whether files of steps that are done are missing.
func (p *prepared) lost(done []string) bool {
	for _, j := range p.jobs {
		for _, v := range j.variants {
			if _, err := os.Stat(j.path(j.artifactName(v))); err != nil && slices.Contains(done, "quantize "+j.name) {
				return true
			}
		}
	}
	return false
}

// mark marks the steps of a forecast that are done.
func (t *progress) mark(f *Forecast) {
	f.Seconds = 0
	for i := range f.Steps {
		s := &f.Steps[i]
		if s.Kept = slices.Contains(t.done, s.What); s.Kept {
			s.Seconds = 0
		}
		f.Seconds += s.Seconds
	}
}

func (t *progress) Begin(what, unit string) Step {
	t.begun = append(t.begun, what)
	return noted{t.Events.Begin(what, unit), t, what}
}

// noted is a step whose end is recorded.
type noted struct {
	Step
	progress *progress
	what     string
}

func (s noted) Done() {
	s.Step.Done()
	s.progress.record(s.what)
}

// finish records that all is done. Steps that every run begins and that have no end, as reading the source, are not.
func (t *progress) finish(f *Forecast) {
	var rest []string
	for _, s := range f.Steps {
		if !slices.Contains(t.begun, s.What) {
			rest = append(rest, s.What)
		}
	}
	t.record(rest...)
}

// record adds steps to the record. A record that cannot be written costs only the next announcement.
func (t *progress) record(names ...string) {
	for _, what := range names {
		if !slices.Contains(t.done, what) {
			t.done = append(t.done, what)
		}
	}
	if len(names) > 0 {
		_ = t.store.Save(progressStep, t.key, nil, t.done)
	}
}
