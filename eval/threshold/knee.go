package threshold

import (
	"fmt"
	"math"
	"slices"

	"bitmill/eval/paired"
)

// Knee is where the divergence starts to climb faster: the joint of two straight lines through ln KLD over BPW, fitted
// by least squares (a segmented regression, Muggeo 2003) to the quantized formats on the lower envelope. It is located
// when the line below the joint is steeper, when the joint explains at least half of what one line leaves, and when
// other text would place it within the formats tried.
type Knee struct {
	Located bool    `json:"located"`
	BPW     float64 `json:"bpw,omitzero"`
	Low     float64 `json:"low,omitzero"` // bootstrap interval
	High    float64 `json:"high,omitzero"`
	Below   float64 `json:"slope_below"` // of ln KLD per bit, under the knee
	Above   float64 `json:"slope_above"`
	// Explained is the share of the single line's squared residuals that the joint removes.
	Explained float64 `json:"explained"`
	Evidence  string  `json:"evidence"` // whole sentence
}

// kneePoints is the fewest formats for a knee: two lines with a joint have four parameters.
const kneePoints = 6

// floatBits is the BPW from which a file holds floats: its divergence, if any, is that of rounding, not of a type.
const floatBits = 15

// kneeShare is the least that the joint must explain.
const kneeShare = 0.5

// FitKnee fits the knee.
func FitKnee(points []Point, o Options) Knee {
	o = o.withDefaults()
	used := kneeFormats(points, o)
	if len(used) < kneePoints {
		return Knee{Evidence: fmt.Sprintf("The knee is not located: %d quantized formats on the lower envelope "+
			"are too few for two lines, which take %d.", len(used), kneePoints)}
	}
	x := make([]float64, len(used))
	for i, p := range used {
		x[i] = p.BPW()
	}
	klds, byWindow, why := meanKLDs(used)
	lines := newSegments(x)
	k := lines.fit(logs(klds))
	if byWindow {
		k.Low, k.High = resampleKnee(lines, used, k.BPW, o)
	}
	not := func(why string, args ...any) Knee {
		k.BPW, k.Low, k.High = 0, 0, 0
		k.Evidence = "The knee is not located: " + fmt.Sprintf(why, args...) + "."
		return k
	}
	switch {
	case !(k.Below < k.Above):
		return not("ln KLD does not climb faster below any joint (slopes %.2f and %.2f per bit)", k.Below, k.Above)
	case k.Explained < kneeShare:
		return not("the best joint, at %.2f BPW, explains less than half, %.1f %%, of what one line leaves",
			k.BPW, 100*k.Explained)
	case k.High-k.Low > (x[len(x)-1]-x[0])/2:
		return not("other text would place it anywhere from %.2f to %.2f BPW", k.Low, k.High)
	}
	k.Located = true
	where, doubt := fmt.Sprintf("%.2f BPW", k.BPW), "; no interval, because "+why
	if byWindow {
		where, doubt = fmt.Sprintf("%.2f BPW (%.2f to %.2f)", k.BPW, k.Low, k.High), ""
	}
	k.Evidence = fmt.Sprintf("Below %s ln KLD climbs by %.2f a bit, above it by %.2f; "+
		"the joint explains %.0f %% of what one line leaves%s.", where, -k.Below, -k.Above, 100*k.Explained, doubt)
	return k
}

// kneeFormats are the useful formats on the envelope that lose something by being quantized, by ascending BPW.
func kneeFormats(points []Point, o Options) []Point {
	return slices.DeleteFunc(Envelope(points, o.Budget), func(p Point) bool {
		return p.BPW() >= floatBits || p.KLD <= kldFloor
	})
}

// resampleKnee is the bootstrap interval of the joint, which holds the joint itself.
func resampleKnee(lines *segments, used []Point, joint float64, o Options) (low, high float64) {
	b := paired.NewBootstrap(len(used[0].WindowKLD), o.Options, windowSeries(used)...)
	joints, klds := make([]float64, o.Resamples), make([]float64, len(used))
	for r := range joints {
		b.Next()
		for i, p := range used {
			klds[i] = b.Mean(p.WindowKLD)
		}
		joints[r] = lines.fit(logs(klds)).BPW
	}
	low, high = paired.Interval(joints, o.Level)
	return paired.Round(min(low, joint)), paired.Round(max(high, joint))
}

func logs(klds []float64) []float64 {
	y := make([]float64, len(klds))
	for i, k := range klds {
		y[i] = math.Log(max(k, kldFloor))
	}
	return y
}
