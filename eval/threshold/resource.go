package threshold

import (
	"fmt"
	"math"

	"gonum.org/v1/gonum/stat"
	"gonum.org/v1/gonum/stat/distuv"

	"bitmill/eval/paired"
)

// Cost is what one artifact costs in one resource: seconds per token, bytes of memory, joules per token.
type Cost struct {
	Format string  `json:"format"`
	BPW    float64 `json:"bpw"`
	Value  float64 `json:"value"`
}

// Linear tests the claim that a cost grows in proportion to bits per weight: value = Intercept + Slope·BPW by least
// squares over the formats.
type Linear struct {
	Resource  string    `json:"resource"`
	Unit      string    `json:"unit"`
	Intercept float64   `json:"intercept"`
	Slope     float64   `json:"slope"` // per bit
	SlopeLow  float64   `json:"slope_low"`
	SlopeHigh float64   `json:"slope_high"`
	R2        float64   `json:"r2"`
	Residuals []float64 `json:"residuals"` // of each cost, as a share of the fit
	Worst     string    `json:"worst"`     // the format furthest from the line
	Evidence  string    `json:"evidence"`  // whole sentences
}

// FitLinear fits the costs. It fails with fewer than four formats: three points lie near some line too often.
func FitLinear(resource, unit string, costs []Cost, level float64) (Linear, error) {
	if len(costs) < 4 {
		return Linear{}, fmt.Errorf("%d formats are too few to test whether %s grows with bits per weight, which takes 4",
			len(costs), resource)
	}
	x, y := make([]float64, len(costs)), make([]float64, len(costs))
	for i, c := range costs {
		if !finite(c.Value) || !finite(c.BPW) {
			return Linear{}, fmt.Errorf("%s of %s was not measured", resource, c.Format)
		}
		x[i], y[i] = c.BPW, c.Value
	}
	if stat.Variance(x, nil) == 0 {
		return Linear{}, fmt.Errorf("all formats have the same bits per weight")
	}
	l := Linear{Resource: resource, Unit: unit}
	l.Intercept, l.Slope = stat.LinearRegression(x, y, nil, false)
	l.R2 = stat.RSquared(x, y, nil, l.Intercept, l.Slope)
	n := float64(len(x))
	squares, worst := 0.0, 0.0
	for i := range x {
		fit := l.Intercept + l.Slope*x[i]
		squares += (y[i] - fit) * (y[i] - fit)
		share := (y[i] - fit) / math.Abs(fit)
		l.Residuals = append(l.Residuals, paired.Round(share))
		if math.Abs(share) > math.Abs(worst) {
			worst, l.Worst = share, costs[i].Format
		}
	}
	if math.IsNaN(l.R2) {
		l.R2 = 0 // the cost does not vary at all
	}
	se := math.Sqrt(squares / (n - 2) / (stat.Variance(x, nil) * (n - 1)))
	t := distuv.StudentsT{Sigma: 1, Nu: n - 2}.Quantile((1 + level) / 2)
	l.SlopeLow, l.SlopeHigh = l.Slope-t*se, l.Slope+t*se
	l.Evidence = l.words(worst, level)
	return l, nil
}

func (l *Linear) words(worst, level float64) string {
	s := fmt.Sprintf("%s grows by %.4g %s a bit (%.0f %% interval %.4g to %.4g), R² %.3f.",
		l.Resource, l.Slope, l.Unit, 100*level, l.SlopeLow, l.SlopeHigh, l.R2)
	switch {
	case l.SlopeLow <= 0 && l.SlopeHigh >= 0:
		s += " A slope of nothing is within the interval: bits per weight do not explain it."
	case l.R2 < 0.9:
		s += " Bits per weight explain only part of it: the rest is how well each type's kernel runs."
	}
	if l.Worst != "" && math.Abs(worst) >= 0.005 {
		s += fmt.Sprintf(" %s is furthest from the line, %+.0f %%.", l.Worst, 100*worst)
	}
	return s
}
