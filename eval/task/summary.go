package task

import (
	"fmt"

	"bitmill/eval/paired"
)

// Accuracy is a share of right answers with its Wilson interval.
type Accuracy struct {
	Right int     `json:"right"`
	Share float64 `json:"share"`
	Low   float64 `json:"low"`
	High  float64 `json:"high"`
}

// Summary is one model's result on one task; Norm counts the picks that are normalised by length.
type Summary struct {
	Task  string   `json:"task"`
	Items int      `json:"items"`
	Acc   Accuracy `json:"acc"`
	Norm  Accuracy `json:"acc_norm"`
}

// Summarize counts.
func Summarize(name string, outcomes []Outcome, level float64) Summary {
	right, norm := 0, 0
	for _, o := range outcomes {
		if o.Correct {
			right++
		}
		if o.CorrectNorm {
			norm++
		}
	}
	n := len(outcomes)
	return Summary{Task: name, Items: n, Acc: accuracy(right, n, level), Norm: accuracy(norm, n, level)}
}

func accuracy(k, n int, level float64) Accuracy {
	low, high := paired.Wilson(k, n, level)
	return Accuracy{k, float64(k) / float64(max(n, 1)), low, high}
}

// Flips compares two models on the same items by their length-normalised answers: those that one had right and the
// other wrong, the p-value of such a difference by chance (McNemar), and all answers that changed, right or wrong
// ("Accuracy Is Not All You Need", arXiv 2407.09141).
type Flips struct {
	Lost    int     `json:"lost"`   // right by the reference, wrong now
	Gained  int     `json:"gained"` // wrong by the reference, right now
	Changed int     `json:"changed"`
	Share   float64 `json:"changed_share"`
	P       float64 `json:"p"`
}

// Compare counts the flips. It fails when the items differ.
func Compare(reference, candidate []Outcome) (Flips, error) {
	if len(reference) != len(candidate) {
		return Flips{}, fmt.Errorf("%d answers against %d: ask both models the same", len(candidate), len(reference))
	}
	var f Flips
	for i, r := range reference {
		c := candidate[i]
		if r.ID != c.ID {
			return Flips{}, fmt.Errorf("answer %d is to item %s by one model, to %s by the other", i+1, r.ID, c.ID)
		}
		if r.CorrectNorm && !c.CorrectNorm {
			f.Lost++
		}
		if !r.CorrectNorm && c.CorrectNorm {
			f.Gained++
		}
		if r.PickNorm != c.PickNorm || r.Text != c.Text {
			f.Changed++
		}
	}
	f.Share = float64(f.Changed) / float64(max(len(reference), 1))
	f.P = paired.McNemar(f.Lost, f.Gained)
	return f, nil
}
