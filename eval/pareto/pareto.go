// Package pareto chooses among artifacts by size and quality: which are worth having at all, and which one to take
// under a limit. Quality is the loss in bits per byte of text, which compares between models; where another artifact is
// better by no more than the error, the smaller one is named beside it.
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
	Model     string  `json:"model"`
	Format    string  `json:"format"`
	FileBytes int64   `json:"file_bytes"`
	KVBytes   int64   `json:"-"`            // keys and values of one token
	Memory    int64   `json:"memory_bytes"` // the file, mapped, with keys and values of the context asked for
	Loss      float64 `json:"bits_per_byte"`
	KLD       float64 `json:"kld"` // from its own source; 0 of a source
	Dominated string  `json:"dominated_by,omitempty"`
	Fits      bool    `json:"fits"`

	Text   string    `json:"-"` // identifies the text and how it was cut into windows
	Series []float64 `json:"-"` // loss by window, bits per byte
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

// memory is the file's size with the keys and values of so many tokens, in bytes, at most the largest int64.
func (c *Candidate) memory(tokens int64) int64 {
	if tokens > 0 && c.KVBytes > (math.MaxInt64-max(0, c.FileBytes))/tokens {
		return math.MaxInt64
	}
	return c.FileBytes + tokens*c.KVBytes
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
	Smaller    *Candidate  `json:"smaller,omitempty"` // worse by no more than the error; nil: Best
	Candidates []Candidate `json:"candidates"`        // by size
	Reason     string      `json:"reason"`            // whole sentences
}

// Rank sorts the candidates by size and marks those that are dominated: another one, no larger, is at least as good. It
// fails without candidates and when they were scored on different texts.
func Rank(all []Candidate) error {
	if len(all) == 0 {
		return fmt.Errorf("no artifact in the reports has a measured loss")
	}
	for _, c := range all {
		if c.Text != all[0].Text {
			return fmt.Errorf("%s and %s were scored on different texts: run both on the same", all[0].Model, c.Model)
		}
	}
	slices.SortStableFunc(all, func(a, b Candidate) int { return cmp.Compare(a.FileBytes, b.FileBytes) })
	for i := range all {
		all[i].Dominated = ""
		least := math.Inf(1)
		for _, o := range all[:i] { // smaller or as small
			if o.Loss <= all[i].Loss && o.Loss < least {
				all[i].Dominated, least = o.Model+" "+o.Format, o.Loss
			}
		}
	}
	return nil
}

// Choose takes the best artifact within the limits. With a limit on KLD alone it takes the smallest: the quality is
// then given, and the size is to be found.
func Choose(all []Candidate, l Limits, o paired.Options) (*Choice, error) {
	if err := Rank(all); err != nil {
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
		if choice.Best == nil || l.Memory > 0 && c.Loss < choice.Best.Loss {
			choice.Best = c
		}
	}
	if choice.Best == nil {
		choice.Reason = fmt.Sprintf("Nothing fits: the smallest artifact, %s %s, takes %d bytes and has a KLD of %.4g.",
			all[0].Model, all[0].Format, all[0].Memory, all[0].KLD)
		return choice, nil
	}
	best := choice.Best
	choice.Reason = fmt.Sprintf("%s %s is the best of those that fit: %.4f bits per byte, KLD %.4g, %d bytes.",
		best.Model, best.Format, best.Loss, best.KLD, best.FileBytes)
	if l.Memory == 0 {
		choice.Reason = fmt.Sprintf("%s %s is the smallest that fits: %d bytes, KLD %.4g.",
			best.Model, best.Format, best.FileBytes, best.KLD)
		return choice, nil
	}
	for i := range all {
		c := &all[i]
		if !c.Fits || c.FileBytes >= best.FileBytes {
			continue
		}
		if t, err := paired.Compare(c.Series, best.Series, o); err == nil && t.Low <= 0 {
			choice.Smaller = c
			choice.Reason += fmt.Sprintf(" %s %s, at %d bytes, is worse by no more than the error "+
				"(%.4f more, interval %.4f to %.4f).", c.Model, c.Format, c.FileBytes, t.Mean, t.Low, t.High)
			break
		}
	}
	return choice, nil
}
