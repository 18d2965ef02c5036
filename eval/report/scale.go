package report

import (
	"math"
	"slices"
	"strconv"
	"strings"

	"gonum.org/v1/plot"
)

// axis maps values to places of a drawing.
type axis struct {
	plot.Axis
	from, to float64
}

// logAxis has no range yet.
func logAxis(from, to float64) axis {
	return axis{plot.Axis{Min: math.Inf(1), Max: math.Inf(-1), Scale: plot.LogScale{}}, from, to}
}

func (a *axis) at(v float64) float64 { return a.from + (a.to-a.from)*a.Norm(v) }

func (a *axis) include(v float64) { a.Min, a.Max = math.Min(a.Min, v), math.Max(a.Max, v) }

// inside moves a value beyond the axis to its end.
func (a *axis) inside(v float64) float64 { return min(max(v, a.Min), a.Max) }

// pad widens an axis by shares of its range; one without a range, by something.
func pad(a *plot.Axis, below, above float64) {
	value := func(v float64) float64 { return v }
	low, high := a.Min, a.Max
	if a.Scale == (plot.LogScale{}) {
		low, high, value = math.Log(low), math.Log(high), math.Exp
	}
	width := high - low
	if width <= 1e-9*math.Abs(high) {
		width = max(math.Abs(high)/2, 1e-6)
	}
	a.Min, a.Max = value(low-below*width), value(high+above*width)
}

// plausible reports whether a value may be drawn: others, and NaN, would squeeze the plot. The table still has them.
func plausible(v, low, high float64) bool { return low <= v && v <= high }

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
var wholeTicks plot.TickerFunc = func(low, high float64) (out []plot.Tick) {
	step := 1.0
	for (high-low)/step > 10 {
		step *= 2
	}
	for v := math.Ceil(low/step) * step; v <= high; v += step {
		out = append(out, plot.Tick{Value: v, Label: number(v)})
	}
	return out
}

// evenTicks are gonum/plot's with short labels; where it has fewer than three, those between have labels too.
var evenTicks plot.TickerFunc = func(low, high float64) []plot.Tick {
	out := plot.DefaultTicks{}.Ticks(low, high)
	few := len(slices.DeleteFunc(slices.Clone(out), plot.Tick.IsMinor)) < 3
	for i, t := range out {
		if few || !t.IsMinor() {
			out[i].Label = number(t.Value)
		}
	}
	return out
}

// logTicks marks decades; within two decades also 2 and 5; where that is not two ticks, whatever is round.
func logTicks(label func(float64) string) plot.TickerFunc {
	return func(low, high float64) (out []plot.Tick) {
		steps := []float64{1}
		switch {
		case high/low < 12:
			steps = []float64{1, 1.5, 2, 3, 4, 5, 6, 8}
		case high/low < 300:
			steps = []float64{1, 2, 5}
		}
		for e := int(math.Floor(math.Log10(low))); e <= int(math.Ceil(math.Log10(high))); e++ {
			for _, s := range steps {
				if v := s * math.Pow10(e); v >= low && v <= high {
					out = append(out, plot.Tick{Value: v, Label: label(v)})
				}
			}
		}
		return out
	}
}
