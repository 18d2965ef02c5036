package pipeline

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"

	"bitmill/cli/steps"
	"bitmill/eval"
	"bitmill/eval/infer"
	"bitmill/eval/score"
	"bitmill/formats/file"
)

// Evaluation compares models with a reference, window by window. Scored windows are journaled, one journal per model,
// so that an evaluation resumes, and a model added later costs only its own windows and the reference's.
type Evaluation struct {
	Session
	Store      *steps.Store // nil: keep no journal
	Reference  *infer.Model
	Candidates []Candidate // the reference's own entry first
	Windows    [][]int32
	Bytes      int    // of the text that is scored; 0: not known
	What       string // for the progress bar
}

// Candidate is one model of an evaluation: Step names its journal, Key covers everything its scores depend on.
type Candidate struct {
	Step, Key string
	Model     *infer.Model
	scores    []*score.Window // by window; nil: not yet scored
	journal   *file.Journal
}

// journalLine is one scored window.
type journalLine struct {
	Window int          `json:"window"`
	Score  score.Window `json:"chunk"`
}

// Run scores the missing windows and returns one result per candidate.
func (v *Evaluation) Run(ctx context.Context) ([]score.Text, error) {
	defer v.close()
	if err := v.open(); err != nil {
		return nil, err
	}
	if missing := v.missing(); missing != nil {
		if err := v.score(ctx, missing); err != nil {
			return nil, err
		}
	}
	results := make([]score.Text, len(v.Candidates))
	for i, s := range v.Candidates {
		windows := make([]score.Window, len(s.scores))
		for w, x := range s.scores {
			windows[w] = *x
		}
		results[i] = score.Sum(windows, v.Bytes)
	}
	return results, nil
}

// open reads the journals.
func (v *Evaluation) open() error {
	for i := range v.Candidates {
		s := &v.Candidates[i]
		s.scores = make([]*score.Window, len(v.Windows))
		if v.Store == nil {
			continue
		}
		var err error
		s.journal, err = v.Store.OpenJournal(s.Step, s.Key, func(line []byte) error {
			var l journalLine
			if err := json.Unmarshal(line, &l); err != nil {
				return err
			}
			if l.Window < 0 || l.Window >= len(s.scores) {
				return fmt.Errorf("window %d of %d", l.Window, len(s.scores))
			}
			s.scores[l.Window] = &l.Score
			return nil
		})
		if err != nil {
			return err
		}
	}
	return nil
}

func (v *Evaluation) close() {
	for _, s := range v.Candidates {
		if s.journal != nil {
			s.journal.Close()
		}
	}
}

func (s *Candidate) complete() bool {
	for _, c := range s.scores {
		if c == nil {
			return false
		}
	}
	return true
}

// missing returns the candidates with windows to score, the reference first; nil if all are complete.
func (v *Evaluation) missing() []*Candidate {
	var list []*Candidate
	for i := range v.Candidates {
		if s := &v.Candidates[i]; !s.complete() {
			list = append(list, s)
		}
	}
	if list != nil && list[0] != &v.Candidates[0] {
		list = append([]*Candidate{&v.Candidates[0]}, list...)
	}
	return list
}

func (v *Evaluation) score(ctx context.Context, subjects []*Candidate) error {
	var candidates []*infer.Model
	for _, s := range subjects[1:] {
		candidates = append(candidates, s.Model)
	}
	pool := v.Pool()
	defer pool.Close()
	p := v.Events.Begin(v.What, "model windows")
	err := eval.Compare(ctx, pool, v.Reference, candidates, v.Windows, eval.Options{
		Progress: p.Set,
		Done: func(w int) bool {
			for _, s := range subjects {
				if s.scores[w] == nil {
					return false
				}
			}
			return true
		},
		Scored: func(w int, scores []score.Window) error {
			for i, s := range subjects {
				if err := s.keep(w, scores[i]); err != nil {
					return err
				}
			}
			return nil
		},
	})
	if err == nil {
		p.Done()
	}
	return err
}

// keep stores the score of one window in memory and in the journal.
func (s *Candidate) keep(window int, x score.Window) error {
	if s.scores[window] != nil {
		return nil
	}
	s.scores[window] = &x
	if s.journal == nil {
		return nil
	}
	err := s.journal.Append(journalLine{window, x})
	var noNumber *json.UnsupportedValueError
	if errors.As(err, &noNumber) {
		return fmt.Errorf("%s: the logits of window %d are not finite numbers: the weights or the configuration are "+
			"damaged, or those of the reference", s.Step, window)
	}
	return err
}
