package sequential

import (
	"encoding/json"
	"flag"
	"fmt"
	"math"
	"math/rand/v2"
	"os"
	"slices"
	"testing"
)

var runs = flag.Int("runs", 100, "shuffles of each series in TestCoverage; 2000 for the figures in docs")

// series are KL divergences by window that bitmill run measured on six books of public domain (124 windows of 512
// tokens; 107 of a model of 30 layers): demo-s in every format, demo-l in the headline formats, SmolLM2-135M in widths
// of 256 in three.
func series(t *testing.T) map[string][]float64 {
	t.Helper()
	data, err := os.ReadFile("testdata/kld.json")
	if err != nil {
		t.Fatal(err)
	}
	var out map[string][]float64
	if err := json.Unmarshal(data, &out); err != nil {
		t.Fatal(err)
	}
	return out
}

// outcome counts what happened in some shuffles of a series.
type outcome struct {
	runs, ever, stopped, sign int // runs; truth outside at some look, at the stop for 5 %; false sign at some look
	windows                   []int
}

// look runs through shuffles of the series, and looks after every fourth window from the eighth on, as run
// does at its earliest.
// Endless draws windows with replacement, three times as many as there are.
func look(x []float64, n int, endless bool, rng *rand.Rand) (out outcome) {
	truth := Of(x).Mean
	o := Options{Population: len(x)}
	length := len(x)
	if endless {
		o.Population, length = 0, 3*len(x)
	}
	for range n {
		out.runs++
		var drawn []float64
		order := Order(len(x), rng)
		for i := range length {
			if endless {
				drawn = append(drawn, x[rng.IntN(len(x))])
			} else {
				drawn = append(drawn, x[order[i]])
			}
		}
		ever, sign, stop := false, false, 0
		for k := Least; k <= length; k += 4 {
			s := Of(drawn[:k])
			low, high := s.Interval(o)
			outside := truth < low*(1-1e-9) || truth > high*(1+1e-9)
			ever = ever || outside
			limit := 1.02 * truth
			against := s
			against.Mean -= limit
			sign = sign || against.Mean > 0 && against.Chance(o) < 0.05
			if stop == 0 && s.Reach(o) <= 0.05*s.Mean {
				stop = k
				if outside {
					out.stopped++
				}
			}
		}
		if ever {
			out.ever++
		}
		if sign {
			out.sign++
		}
		if stop == 0 {
			stop = length
		}
		out.windows = append(out.windows, stop)
	}
	slices.Sort(out.windows)
	return out
}

// TestCoverage: of real series, in the order in which run takes windows and however long it goes on, the true mean is
// outside of the interval at some look in at most 5 % of the shuffles, all series together, and seldom at the look that
// ends an evaluation.
func TestCoverage(t *testing.T) {
	for _, endless := range []bool{false, true} {
		var all outcome
		worst, most := "", 0.0
		for name, x := range series(t) {
			if Of(x).Mean < 1e-6 {
				continue // rounding noise of either sign: no interval is relative to it
			}
			o := look(x, *runs, endless, rand.New(rand.NewPCG(uint64(len(name)), 7)))
			all.runs, all.ever = all.runs+o.runs, all.ever+o.ever
			all.stopped, all.sign = all.stopped+o.stopped, all.sign+o.sign
			if share := float64(o.ever) / float64(o.runs); share > most {
				worst, most = name, share
			}
			if testing.Verbose() {
				fmt.Printf("%-16s ever outside %.3f, at the stop for 5 %% %.4f, false sign %.4f, windows %d, at most %d\n", name,
					float64(o.ever)/float64(o.runs), float64(o.stopped)/float64(o.runs), float64(o.sign)/float64(o.runs),
					o.windows[len(o.windows)/2], o.windows[len(o.windows)-1])
			}
		}
		ever, stopped := float64(all.ever)/float64(all.runs), float64(all.stopped)/float64(all.runs)
		t.Logf("endless %v: outside at some look in %.4f of %d runs (at most %.4f, %s), at the stop in %.4f, false sign %.4f",
			endless, ever, all.runs, most, worst, stopped, float64(all.sign)/float64(all.runs))
		if ever > 0.05 || stopped > 0.02 || most > 0.05+4*math.Sqrt(0.05*0.95/float64(*runs)) {
			t.Errorf("endless %v: the intervals miss too often", endless)
		}
	}
}
