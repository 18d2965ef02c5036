package report

import (
	"fmt"
	"math"
	"strconv"
	"strings"
)

// axis maps values to places of a drawing.
type axis struct {
	low, high float64 // values
	from, to  float64 // places
	log       bool
}

func (a *axis) at(v float64) float64 {
	if a.log {
		return a.from + (a.to-a.from)*math.Log(v/a.low)/math.Log(a.high/a.low)
	}
	return a.from + (a.to-a.from)*(v-a.low)/(a.high-a.low)
}

// extent is a range of values.
type extent struct{ low, high float64 }

func noExtent() extent { return extent{math.Inf(1), math.Inf(-1)} }

func (e *extent) include(v float64) { e.low, e.high = math.Min(e.low, v), math.Max(e.high, v) }

// pad widens a range by shares of it; one without width, by something.
func pad(e extent, log bool, below, above float64) (low, high float64) {
	if log {
		low, high = pad(extent{math.Log(e.low), math.Log(e.high)}, false, below, above)
		return math.Exp(low), math.Exp(high)
	}
	width := e.high - e.low
	if width <= 1e-9*math.Abs(e.high) {
		width = max(math.Abs(e.high)/2, 1e-6)
	}
	return e.low - below*width, e.high + above*width
}

// plausible reports whether a value may be drawn: others, and NaN, would squeeze the plot. The table still has them.
func plausible(v, low, high float64) bool { return low <= v && v <= high }

// tick is a mark of an axis.
type tick struct {
	value float64
	label string
}

// roundSize is a size of one digit, as ticks have: 20 MB.
func roundSize(v float64) string {
	s, unit, _ := strings.Cut(size(int64(v)), " ")
	if strings.Contains(s, ".") {
		s = strings.TrimRight(strings.TrimRight(s, "0"), ".")
	}
	return s + " " + unit
}

// number is v with four digits; there is no -0.
func number(v float64) string { return strconv.FormatFloat(v+0, 'g', 4, 64) }

// wholeTicks marks every whole number, or every second or fourth where there are many.
func wholeTicks(low, high float64) (out []tick) {
	step := 1.0
	for (high-low)/step > 10 {
		step *= 2
	}
	for v := math.Ceil(low/step) * step; v <= high; v += step {
		out = append(out, tick{v, number(v)})
	}
	return out
}

// evenTicks marks even steps, about five.
func evenTicks(low, high float64) (out []tick) {
	step := math.Pow(10, math.Floor(math.Log10(max(high-low, 1e-12)/2)))
	for _, s := range []float64{5, 2} {
		if (high-low)/(s*step) >= 3 {
			step *= s
			break
		}
	}
	for i := math.Ceil(low / step); i*step <= high && len(out) < 20; i++ {
		v, err := strconv.ParseFloat(strconv.FormatFloat(i*step, 'g', 10, 64), 64) // no 0.30000000000000004
		if err == nil {
			out = append(out, tick{v, number(v)})
		}
	}
	return out
}

// logTicks marks decades; within two decades also 2 and 5; where that is not two ticks, whatever is round.
func logTicks(label func(float64) string) func(low, high float64) []tick {
	return func(low, high float64) (out []tick) {
		steps := []float64{1}
		switch {
		case high/low < 12:
			steps = []float64{1, 1.5, 2, 3, 4, 5, 6, 8}
		case high/low < 300:
			steps = []float64{1, 2, 5}
		}
		for e := int(math.Floor(math.Log10(low))); e <= int(math.Ceil(math.Log10(high))); e++ {
			for _, s := range steps {
				v, err := strconv.ParseFloat(fmt.Sprintf("%ge%d", s, e), 64) // exact decimal: no 0.30000000000000004
				if err == nil && v >= low && v <= high {
					out = append(out, tick{v, label(v)})
				}
			}
		}
		return out
	}
}
