package pipeline

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"

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
	Kept       *eval.Kept  // states of the reference, of this text; nil: it runs whenever windows are missing
	Candidates []Candidate // the reference's own entry first
	Windows    [][]int32   // of the text
	Order      []int       // in which windows are taken, the first ones of it by every candidate; nil: as in the text
	Until      Until       // nil: every window
	Bytes      []int       // of the text that is scored, by window; nil: not known
	What       string      // for the progress bar
}

// Until says how many windows every candidate needs, given the scores of those that it has, in the order in which they
// were taken. It is asked before the first window and when all that was asked for is there, and the evaluation ends when
// no candidate needs more than it has. The reference gets every window that an artifact gets, whatever is said of it,
// unless it is alone. What is said must depend on the scores alone: an evaluation that resumes asks the same questions
// again.
type Until func(scored [][]score.Window) []Demand

// Demand is a number of windows.
type Demand struct {
	Now    int    // before the next question
	Likely int    // in the end, as far as can be told, for the progress; 0: Now
	For    string // what it is for, if anything
}

// Round is a good number of windows to ask for at once: as many as run through a model together.
func Round(windows [][]int32) int { return max(1, infer.BatchTokens/len(windows[0])) }

// Candidate is one model of an evaluation: Step names its journal, Key covers everything its scores depend on.
type Candidate struct {
	Step, Key string
	Model     *infer.Model
	Make      func() (*infer.Model, error) // in place of Model: called when a window is missing
	Windows   int                          // of the order, that it takes whatever Until says; 0: as Until says
	For       string                       // what its last windows were for, as Until said; set by Run
	scores    []*score.Window              // by window of the text; nil: not yet scored
	need      int                          // of the order, its first windows
	likely    int
	journal   *file.Journal
}

// journalLine is one scored window.
type journalLine struct {
	Window int          `json:"window"`
	Score  score.Window `json:"chunk"`
}

// Run scores the windows that are needed and missing, and returns one result per candidate.
func (v *Evaluation) Run(ctx context.Context) ([]score.Text, error) {
	defer v.close()
	if err := v.open(); err != nil {
		return nil, err
	}
	if v.Order == nil {
		v.Order = inOrder(len(v.Windows))
	}
	sitting := sitting{Evaluation: v}
	for v.ask() {
		if err := sitting.score(ctx); err != nil {
			return nil, err
		}
	}
	sitting.close()
	results := make([]score.Text, len(v.Candidates))
	for i := range v.Candidates {
		results[i] = v.result(&v.Candidates[i])
	}
	return results, nil
}

// inOrder is 0, 1, 2 and so on.
func inOrder(n int) []int {
	out := make([]int, n)
	for i := range out {
		out[i] = i
	}
	return out
}

// ask sets how many windows every candidate needs, and reports whether some need more than before.
func (v *Evaluation) ask() (more bool) {
	n, demands := len(v.Windows), v.demands()
	most := Demand{}
	for i := len(demands) - 1; i >= 0; i-- {
		s, d := &v.Candidates[i], demands[i]
		if i == 0 && len(demands) > 1 {
			d = most
		}
		d.Now = min(d.Now, n)
		more = more || d.Now > s.need
		s.need = max(s.need, d.Now)
		s.likely = min(max(s.need, d.Likely), n)
		s.For = cmp.Or(d.For, s.For)
		most.Now, most.Likely = max(most.Now, s.need), max(most.Likely, s.likely)
	}
	return more
}

// demands are what the candidates need: a fixed number of windows, or what Until says of the others.
func (v *Evaluation) demands() []Demand {
	var asked []Demand
	if v.Until != nil {
		asked = v.Until(v.scored())
	}
	list := make([]Demand, len(v.Candidates))
	for i, s := range v.Candidates {
		switch {
		case s.Windows > 0:
			list[i].Now = s.Windows
		case v.Until == nil:
			list[i].Now = len(v.Windows)
		default:
			list[i], asked = asked[0], asked[1:]
		}
	}
	return list
}

// scored are the scores of the windows of every candidate that Until is asked about, in the order in which they were
// taken.
func (v *Evaluation) scored() (out [][]score.Window) {
	for _, s := range v.Candidates {
		if s.Windows > 0 {
			continue
		}
		var windows []score.Window
		for _, w := range v.Order[:s.need] {
			windows = append(windows, *s.scores[w])
		}
		out = append(out, windows)
	}
	return out
}

// result adds a candidate's windows up, as they stand in the text.
func (v *Evaluation) result(s *Candidate) score.Text {
	taken := slices.Sorted(slices.Values(v.Order[:s.need]))
	windows, bytes := make([]score.Window, len(taken)), 0
	for i, w := range taken {
		windows[i] = *s.scores[w]
		if v.Bytes != nil {
			bytes += v.Bytes[w]
		}
	}
	t := score.Sum(windows, bytes)
	if !slices.Equal(taken, inOrder(len(taken))) {
		t.Windows = taken
	}
	return t
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
