package pipeline

import (
	"context"
	"slices"

	"bitmill/eval"
	"bitmill/eval/infer"
	"bitmill/eval/score"
)

// sitting is the work of one Evaluation.Run: it scores what is needed and missing.
type sitting struct {
	*Evaluation
	pool     *infer.Pool // nil: nothing was missing so far
	progress Step
	done     int64 // pairs of a model and a window
}

// close ends the sitting, which has scored all.
func (s *sitting) close() {
	if s.pool != nil {
		s.pool.Close()
		s.progress.Done()
	}
}

// score scores what is needed and missing. Windows that the same candidates need go together; where they begin and end
// does not depend on what an earlier sitting did, so that a resumed evaluation computes exactly the same.
func (s *sitting) score(ctx context.Context) error {
	var ends []int
	for _, c := range s.Candidates {
		ends = append(ends, c.need)
	}
	slices.Sort(ends)
	from := 0
	for _, to := range slices.Compact(ends) {
		if subjects := s.missing(from, to); subjects != nil {
			if err := s.compare(ctx, s.Order[from:to], subjects); err != nil {
				if s.pool != nil {
					s.pool.Close()
				}
				return err
			}
		}
		from = to
	}
	return nil
}

// missing returns the candidates that need windows [from, to) of the order and lack some, the reference first; nil if
// there are none.
func (s *sitting) missing(from, to int) []*Candidate {
	var list []*Candidate
	for i := range s.Candidates {
		if c := &s.Candidates[i]; c.need >= to && c.lacks(s.Order[from:to]) > 0 {
			list = append(list, c)
		}
	}
	if list != nil && list[0] != &s.Candidates[0] {
		list = append([]*Candidate{&s.Candidates[0]}, list...)
	}
	return list
}

// lacks counts the windows that are not scored.
func (s *Candidate) lacks(windows []int) (n int64) {
	for _, w := range windows {
		if s.scores[w] == nil {
			n++
		}
	}
	return n
}

// left is how many pairs of a model and a window will be scored yet, as far as can be told.
func (s *sitting) left() (n int64) {
	for i := range s.Candidates {
		c := &s.Candidates[i]
		n += c.lacks(s.Order[:c.likely])
	}
	return n
}

// compare scores windows for the subjects, the reference among them.
func (s *sitting) compare(ctx context.Context, windows []int, subjects []*Candidate) error {
	for _, c := range subjects {
		if c.Model == nil && c.Make != nil {
			var err error
			if c.Model, err = c.Make(); err != nil {
				return err
			}
		}
	}
	if s.pool == nil {
		s.pool, s.progress = s.Pool(), s.Events.Begin(s.What, "model windows")
	}
	var candidates []*infer.Model
	for _, c := range subjects[1:] {
		candidates = append(candidates, c.Model)
	}
	var texts [][]int32
	for _, w := range windows {
		texts = append(texts, s.Windows[w])
	}
	before, left := s.done, s.left()
	return eval.Compare(ctx, s.pool, s.Reference, candidates, texts, eval.Options{
		Kept:    s.Kept,
		Numbers: windows,
		Progress: func(done, total int64) {
			s.done = before + done
			s.progress.Set(s.done, before+max(total, left))
		},
		Part: s.progress.Part,
		Done: func(i int) bool {
			return !slices.ContainsFunc(subjects, func(c *Candidate) bool { return c.scores[windows[i]] == nil })
		},
		Scored: func(i int, scores []score.Window) error {
			for k, c := range subjects {
				if err := c.keep(windows[i], scores[k]); err != nil {
					return err
				}
			}
			return nil
		},
	})
}
