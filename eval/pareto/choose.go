package pareto

import (
	"cmp"
	"fmt"
	"math"
	"slices"

	"bitmill/eval/paired"
	"bitmill/formats"
)

// Limits bound the choice; a zero field is no limit.
type Limits struct {
	Memory  int64   // bytes
	KLD     float64 // nats per token, of the mean
	Context int     // tokens whose keys and values count as memory
}

// Answer is what to take of one model.
type Answer struct {
	Model   string     `json:"model"`
	Take    *Candidate `json:"take"`    // the smallest that is not worse than Nearest beyond the error; nil: nothing fits
	Nearest *Candidate `json:"nearest"` // the best of those that fit
	Reason  string     `json:"reason"`  // whole sentences
}

// Choice is one answer per model.
type Choice struct {
	Best       *Candidate  `json:"best"`       // of the first answer; nil: nothing fits
	Answers    []Answer    `json:"models"`     // the model that predicts best first, those of which nothing fits last
	Candidates []Candidate `json:"candidates"` // by size
	Reason     string      `json:"reason"`     // whole sentences
}

// Choose takes of each model the smallest artifact within the limits that is not worse, beyond the error, than the one
// that diverges least. With a limit on KLD alone it takes the smallest: then the quality is given.
func Choose(all []Candidate, l Limits, o paired.Options) (*Choice, error) {
	if err := Rank(all, o); err != nil {
		return nil, err
	}
	var models [][]*Candidate // by size
	for i := range all {
		c := &all[i]
		if c.Context = int64(l.Context); c.Most > 0 {
			c.Context = min(c.Context, c.Most)
		}
		c.Memory = c.MemoryWith(c.Context)
		c.Fits = (l.Memory == 0 || c.Memory <= l.Memory) && (l.KLD == 0 || c.KLD <= l.KLD)
		k := slices.IndexFunc(models, func(m []*Candidate) bool { return m[0].sibling(c) })
		if k < 0 {
			k, models = len(models), append(models, nil)
		}
		models[k] = append(models[k], c)
	}
	choice := &Choice{Candidates: all}
	for _, m := range models {
		choice.Answers = append(choice.Answers, answer(m, l, o))
	}
	slices.SortStableFunc(choice.Answers, func(a, b Answer) int {
		if a.Take == nil || b.Take == nil {
			return cmp.Compare(missing(a.Take), missing(b.Take))
		}
		return cmp.Compare(a.Take.Loss, b.Take.Loss)
	})
	choice.Best = choice.Answers[0].Take
	for i, a := range choice.Answers {
		if i > 0 {
			choice.Reason += " "
		}
		choice.Reason += a.Reason
	}
	return choice, nil
}

func missing(c *Candidate) int {
	if c == nil {
		return 1
	}
	return 0
}

// answer chooses among the files of one model.
func answer(files []*Candidate, l Limits, o paired.Options) Answer {
	a := Answer{Model: files[0].Model}
	var fitting []*Candidate
	for _, c := range files {
		if c.Fits {
			fitting = append(fitting, c)
		}
	}
	if len(fitting) == 0 {
		a.Reason = fmt.Sprintf("Nothing of %s fits: its smallest file, %s, takes %s, %s.", a.Model, files[0].Format,
			formats.Size(files[0].Memory), files[0].divergenceWords())
		return a
	}
	for _, c := range fitting {
		if a.Nearest == nil || c.nearer(a.Nearest) {
			a.Nearest = c
		}
	}
	if l.Memory == 0 {
		a.Take = fitting[0]
		a.Reason = fmt.Sprintf("%s is the smallest of %s that fits: %s.", a.Take.Format, a.Model, a.Take.words())
		return a
	}
	for _, c := range fitting {
		if c.FileBytes >= a.Nearest.FileBytes || c.Dominated != "" {
			continue
		}
		if ok, why := c.asGood(a.Nearest, o); ok {
			a.Take = c
			a.Reason = fmt.Sprintf("%s is the smallest of %s that is not worse than %s, the best that fits (%s): %s.", c.Format,
				a.Model, a.Nearest.Format, why, c.words())
			return a
		}
	}
	a.Take = a.Nearest
	a.Reason = fmt.Sprintf("%s is the best of %s that fits, and no smaller file is as good: %s.", a.Take.Format, a.Model,
		a.Take.words())
	return a
}

// lossless is a divergence in nats that nobody notices. It decides where there are too few windows to compare losses.
const lossless = 0.01

// asGood reports whether a file's loss is higher than another's by no more than the error, and by how much.
func (c *Candidate) asGood(o *Candidate, p paired.Options) (ok bool, why string) {
	t, err := c.loss().Paired(o.loss(), p)
	if err != nil {
		return c.compared() && c.KLD <= lossless, "there are too few windows to compare losses"
	}
	return t.Low <= 0, fmt.Sprintf("its loss is higher by %+.4f bits per byte, interval %+.4f to %+.4f", t.Mean, t.Low, t.High)
}

// nearer reports whether c predicts better than another file of its model: by divergence where both have one.
func (c *Candidate) nearer(o *Candidate) bool {
	if c.compared() && o.compared() && c.KLD != o.KLD {
		return c.KLD < o.KLD
	}
	return c.Loss < o.Loss
}

// words are the candidate's figures for a sentence.
func (c *Candidate) words() string {
	text := formats.Size(c.FileBytes)
	if c.Memory != c.FileBytes {
		text += fmt.Sprintf(", %s of memory with %d tokens", formats.Size(c.Memory), c.Context)
	}
	return text + ", " + c.divergenceWords()
}

// divergenceWords are the divergence for a sentence.
func (c *Candidate) divergenceWords() string {
	if math.IsNaN(c.KLD) {
		return "KLD not measured"
	}
	return fmt.Sprintf("KLD %.4g", c.KLD)
}
