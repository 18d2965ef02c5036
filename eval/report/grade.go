package report

import (
	"fmt"
	"math"
)

// Grade says in a word how near a file is to its source.
type Grade int

// Grades, from the nearest.
const (
	Ungraded Grade = iota // not compared with the source
	Lossless              // nearly
	Good
	Noticeable
	Poor
)

// gradeRules are the largest divergence and the smallest share of equal next tokens of each grade. For comparison, with
// an imatrix Llama 3 8B on WikiText-2 has 0.005 nats in Q6_K, 0.028 in Q4_K_M and 0.33 in Q2_K (llama.cpp,
// tools/perplexity/README.md).
var gradeRules = []struct {
	grade   Grade
	word    string
	kld     float64 // nats
	sameTop float64
}{
	{Lossless, "nearly lossless", 0.01, 0.96},
	{Good, "good", 0.05, 0.90},
	{Noticeable, "noticeable", 0.2, 0.80},
}

func (g Grade) String() string {
	for _, r := range gradeRules {
		if r.grade == g {
			return r.word
		}
	}
	if g == Poor {
		return "poor"
	}
	return "not measured"
}

// rule says what a grade asks for.
func (g Grade) rule() string {
	for _, r := range gradeRules {
		if r.grade == g {
			return fmt.Sprintf("KLD up to %g nats and the same next token in at least %.0f %%", r.kld, 100*r.sameTop)
		}
	}
	return ""
}

// Grade is the row's.
func (r *Row) Grade() Grade {
	if !r.Compared() {
		return Ungraded
	}
	for _, rule := range gradeRules {
		if r.KLD <= rule.kld && !(r.SameTop < rule.sameTop) {
			return rule.grade
		}
	}
	return Poor
}

// Change is the relative change of perplexity against the source; NaN when not measured.
func (r *Row) Change() float64 { return math.Expm1(r.LnRatio) }
