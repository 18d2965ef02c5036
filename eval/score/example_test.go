package score_test

import (
	"fmt"
	"math"

	"bitmill/eval/score"
)

func ExampleSum() {
	var w score.Window
	w.Add(score.Token{NLL: math.Log(8), RefNLL: math.Log(4), KLD: 0.2, Confidence: 0.9, SameTop: true})
	w.Add(score.Token{NLL: math.Log(2), RefNLL: math.Log(2), KLD: 0.1, Confidence: 0.3})
	t := score.Sum([]score.Window{w}, 0)
	fmt.Printf("%d tokens, PPL %.2f, KLD %.2f, same top %.0f %%\n", t.Tokens, t.PPL, t.KLD, 100*t.SameTop)
	// Output: 2 tokens, PPL 4.00, KLD 0.15, same top 50 %
}
