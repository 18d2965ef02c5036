package report

import (
	"fmt"
	"math"
	"strconv"
	"strings"

	"gonum.org/v1/plot"
)

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
type wholeTicks struct{}

func (wholeTicks) Ticks(low, high float64) []plot.Tick {
	step := 1.0
	for (high-low)/step > 10 {
		step *= 2
	}
	var out []plot.Tick
	for v := math.Ceil(low/step) * step; v <= high; v += step {
		out = append(out, plot.Tick{Value: v, Label: number(v)})
	}
	return out
}

// evenTicks marks even steps, about five.
type evenTicks struct{}

func (evenTicks) Ticks(low, high float64) []plot.Tick {
	step := math.Pow(10, math.Floor(math.Log10(max(high-low, 1e-12)/2)))
	for _, s := range []float64{5, 2} {
		if (high-low)/(s*step) >= 3 {
			step *= s
			break
		}
	}
	var out []plot.Tick
	for i := math.Ceil(low / step); i*step <= high && len(out) < 20; i++ {
		v, err := strconv.ParseFloat(strconv.FormatFloat(i*step, 'g', 10, 64), 64) // no 0.30000000000000004
		if err == nil {
			out = append(out, plot.Tick{Value: v, Label: number(v)})
		}
	}
	return out
}

// logTicks marks decades; within two decades also 2 and 5.
type logTicks struct{ label func(float64) string }

func (t logTicks) Ticks(low, high float64) []plot.Tick {
	steps := []float64{1}
	if high/low < 300 {
		steps = []float64{1, 2, 5}
	}
	var out []plot.Tick
	for e := int(math.Floor(math.Log10(low))); e <= int(math.Ceil(math.Log10(high))); e++ {
		for _, s := range steps {
			v, err := strconv.ParseFloat(fmt.Sprintf("%ge%d", s, e), 64) // exact decimal: no 0.30000000000000004
			if err == nil && v >= low && v <= high {
				out = append(out, plot.Tick{Value: v, Label: t.label(v)})
			}
		}
	}
	return out
}

// logScale is plot.LogScale but for the middle of the axis: gonum asks with the mean of its ends where the axis's name
// stands, and would leave room above the plot for a name that stands too high.
type logScale struct{ plot.LogScale }

func (s logScale) Normalize(low, high, x float64) float64 {
	if x == 0.5*(high+low) {
		return 0.5
	}
	return s.LogScale.Normalize(low, high, x)
}
