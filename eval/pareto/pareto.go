// Package pareto chooses among artifacts by size and quality: which are worth having at all, and which one to take
// under a limit. Quality within one model is the divergence from its source, which is known far better than the loss;
// between models it is the loss in bits per byte of text. A difference counts when it exceeds the error.
package pareto

import (
	"cmp"
	"encoding/json"
	"fmt"
	"math"
	"slices"

	"bitmill/eval/paired"
)

// Candidate is one measured file.
type Candidate struct {
	Model       string  `json:"model"`
	Format      string  `json:"format"`
	FileBytes   int64   `json:"file_bytes"`
	KVBytes     int64   `json:"-"`            // keys and values of one token
	Window      int64   `json:"-"`            // tokens that some layers see at most
	WindowBytes int64   `json:"-"`            // the part of KVBytes in those layers
	StateBytes  int64   `json:"-"`            // of layers that remember a sequence in constant memory
	Memory      int64   `json:"memory_bytes"` // the file, mapped, with keys and values of the context asked for
	Loss        float64 `json:"bits_per_byte"`
	KLD         float64 `json:"kld"` // from its own source; 0 of a source
	Dominated   string  `json:"dominated_by,omitempty"`
	Fits        bool    `json:"fits"`

	Text      string    `json:"-"` // identifies the text and how it was cut into windows
	From      string    `json:"-"` // identifies the source that KLD is taken from; "": Model does
	Source    bool      `json:"-"` // the source itself
	Series    []float64 `json:"-"` // loss by window, bits per byte
	LossSE    float64   `json:"-"` // standard error of Loss
	KLDSeries []float64 `json:"-"` // KLD by window; none of a source
	KLDSE     float64   `json:"-"`
}

// MarshalJSON writes a KLD that was not measured as null: JSON has no NaN.
func (c Candidate) MarshalJSON() ([]byte, error) {
	type plain Candidate
	twin := struct {
		plain
		KLD *float64 `json:"kld"`
	}{plain: plain(c)}
	if !math.IsNaN(c.KLD) {
		twin.KLD = &c.KLD
	}
	return json.Marshal(twin)
}

// sibling reports whether the two come from one source, so that their divergences compare.
func (c *Candidate) sibling(o *Candidate) bool {
	return cmp.Or(c.From, c.Model) == cmp.Or(o.From, o.Model)
}

// words are the divergence for a sentence.
func (c *Candidate) words() string {
	if math.IsNaN(c.KLD) {
		return "KLD not measured"
	}
	return fmt.Sprintf("KLD %.4g", c.KLD)
}

// memory is the file's size with the keys and values of so many tokens, in bytes, at most the largest int64. Without
// tokens there is no state either.
func (c *Candidate) memory(tokens int64) int64 {
	if tokens <= 0 {
		return c.FileBytes
	}
	if c.StateBytes > math.MaxInt64/2-max(0, c.FileBytes) ||
		c.KVBytes > (math.MaxInt64-max(0, c.FileBytes)-max(0, c.StateBytes))/tokens {
		return math.MaxInt64
	}
	// Layers with a window need no tokens before it.
	beyond := max(0, tokens-max(0, c.Window)) * min(max(0, c.WindowBytes), max(0, c.KVBytes))
	return c.FileBytes + c.StateBytes + tokens*c.KVBytes - beyond
}

// Limits bound the choice; a zero field is no limit.
type Limits struct {
	Memory  int64   // bytes
	KLD     float64 // nats per token, of the mean
	Context int     // tokens whose keys and values count as memory
}

// Choice is the artifact to take.
type Choice struct {
	Best       *Candidate  `json:"best"`              // nil: nothing fits
	Smaller    *Candidate  `json:"smaller,omitempty"` // its loss is higher by no more than the error; nil: Best
	Candidates []Candidate `json:"candidates"`        // by size
	Reason     string      `json:"reason"`            // whole sentences
}

// Choose takes the best artifact within the limits: of each model the one that diverges least, of those the one with
// the lowest loss. With a limit on KLD alone it takes the smallest: the quality is then given, and the size is to be
// found.
func Choose(all []Candidate, l Limits, o paired.Options) (*Choice, error) {
	if err := Rank(all, o); err != nil {
		return nil, err
	}
	choice := &Choice{Candidates: all}
	for i := range all {
		c := &all[i]
		c.Memory = c.memory(int64(l.Context))
		c.Fits = (l.Memory == 0 || c.Memory <= l.Memory) && (l.KLD == 0 || c.KLD <= l.KLD)
		if !c.Fits {
			continue
		}
		if choice.Best == nil {
			choice.Best = c // the smallest
		}
	}
	if choice.Best != nil && l.Memory > 0 {
		choice.Best = bestOf(all)
	}
	if choice.Best == nil {
		choice.Reason = fmt.Sprintf("Nothing fits: the smallest artifact, %s %s, takes %d bytes, %s.",
			all[0].Model, all[0].Format, all[0].Memory, all[0].words())
		return choice, nil
	}
	best := choice.Best
	choice.Reason = fmt.Sprintf("%s %s is the best of those that fit: %.4f bits per byte, %s, %d bytes.",
		best.Model, best.Format, best.Loss, best.words(), best.FileBytes)
	if l.Memory == 0 {
		choice.Reason = fmt.Sprintf("%s %s is the smallest that fits: %d bytes, %s.",
			best.Model, best.Format, best.FileBytes, best.words())
		if slices.ContainsFunc(all, func(c Candidate) bool { return !c.sibling(best) }) {
			choice.Reason += " KLD is from each model's own source and does not compare the models: " +
				"a limit of memory (--ram) does."
		}
		return choice, nil
	}
	for i := range all {
		c := &all[i]
		if !c.Fits || c.FileBytes >= best.FileBytes || c.Dominated != "" {
			continue
		}
		if t, err := paired.Compare(c.Series, best.Series, o); err == nil && t.Low <= 0 {
			choice.Smaller = c
			choice.Reason += fmt.Sprintf(" %s %s, at %d bytes, has a loss that is higher by no more than the error "+
				"(difference %+.4f, interval %+.4f to %+.4f).", c.Model, c.Format, c.FileBytes, t.Mean, t.Low, t.High)
			break
		}
	}
	return choice, nil
}

// bestOf is the one to take of those that fit, nil when none does.
func bestOf(all []Candidate) (best *Candidate) {
	var nearest []*Candidate // of each model
	for i := range all {
		c := &all[i]
		if !c.Fits {
			continue
		}
		k := slices.IndexFunc(nearest, func(n *Candidate) bool { return n.sibling(c) })
		switch {
		case k < 0:
			nearest = append(nearest, c)
		case c.nearer(nearest[k]):
			nearest[k] = c
		}
	}
	for _, c := range nearest {
		if best == nil || c.Loss < best.Loss {
			best = c
		}
	}
	return best
}

// nearer reports whether c predicts better than another file of its model: by divergence where both have one.
func (c *Candidate) nearer(o *Candidate) bool {
	if c.compared() && o.compared() && c.KLD != o.KLD {
		return c.KLD < o.KLD
	}
	return c.Loss < o.Loss
}
