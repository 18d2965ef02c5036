package gate

import (
	"math"

	"bitmill/eval/report"
	"bitmill/eval/score"
)

// metric is one column of a report that can be bounded. A metric with neither a series nor a standard error, because it
// is exact or because none is known (quantiles, maxima), is compared as it stands.
type metric struct {
	name   string // as in report.json
	more   bool   // more is better
	value  func(r *report.Row) float64
	se     func(r *report.Row) float64
	series func(r *report.Row) []float64 // by window, on the scale of scale(value); its mean is scale(value)
	scale  func(x float64) float64
	back   func(y float64) float64 // undoes scale

	// excess is a number for a window whose mean over the windows is positive when the metric is above the limit; nil for
	// what is exact. least is the standard deviation that a single token brings, where the limit is a share of tokens.
	excess  func(w *score.Window, bytes int, limit float64) float64
	least   func(limit float64) float64
	extreme bool // a maximum
	loss    bool // a loss, which is extended to all windows of the reference (score.Text.Extended)
}

func same(x float64) float64 { return x }

// perToken is a sum over the window's tokens less the limit.
func perToken(sum func(w *score.Window) float64) func(w *score.Window, bytes int, limit float64) float64 {
	return func(w *score.Window, _ int, limit float64) float64 { return sum(w)/float64(max(w.Tokens, 1)) - limit }
}

// quantile is the metric that is the q-quantile of the tokens' divergences: it is above a limit when more than 1-q of
// the tokens are.
func quantile(name string, q float64, value func(r *report.Row) float64) metric {
	return metric{name: name, value: value,
		excess: func(w *score.Window, _ int, limit float64) float64 {
			above := 0
			for _, x := range w.TokenKLD {
				if float64(x) > limit {
					above++
				}
			}
			return float64(above)/float64(max(w.Tokens, 1)) - (1 - q)
		},
		least: func(float64) float64 { return math.Sqrt(q * (1 - q)) }}
}

// metrics are in the order of how often they are wanted.
var metrics = []metric{
	{name: "kld", value: func(r *report.Row) float64 { return r.KLD }, se: func(r *report.Row) float64 { return r.KLDSE },
		series: func(r *report.Row) []float64 { return r.WindowKLD }, scale: same, back: same,
		excess: perToken(func(w *score.Window) float64 { return w.KLD })},
	{name: "ppl", loss: true, value: func(r *report.Row) float64 { return r.PPL }, se: func(r *report.Row) float64 { return r.PPLSE },
		series: func(r *report.Row) []float64 { return r.WindowNLL }, scale: math.Log, back: math.Exp,
		excess: func(w *score.Window, _ int, limit float64) float64 {
			return w.NLL/float64(max(w.Tokens, 1)) - math.Log(limit)
		}},
	{name: "ln_ratio", value: func(r *report.Row) float64 { return r.LnRatio },
		se:     func(r *report.Row) float64 { return r.LnRatioSE },
		excess: perToken(func(w *score.Window) float64 { return w.NLL - w.RefNLL })},
	{name: "same_top", more: true, value: func(r *report.Row) float64 { return r.SameTop },
		se:     func(r *report.Row) float64 { return r.SameTopSE },
		series: func(r *report.Row) []float64 { return r.WindowTop }, scale: same, back: same,
		excess: perToken(func(w *score.Window) float64 { return float64(w.SameTop) }),
		least:  func(limit float64) float64 { return math.Sqrt(max(0, limit*(1-limit))) }},
	{name: "delta_p", more: true, value: func(r *report.Row) float64 { return r.DeltaP },
		se:     func(r *report.Row) float64 { return r.DeltaPSE },
		excess: perToken(func(w *score.Window) float64 { return w.DeltaP })},
	{name: "rms_delta_p", value: func(r *report.Row) float64 { return r.RMSDeltaP },
		excess: func(w *score.Window, _ int, limit float64) float64 {
			return w.DeltaP2/float64(max(w.Tokens, 1)) - limit*math.Abs(limit)
		}},
	quantile("kld_median", 0.5, func(r *report.Row) float64 { return r.KLDMedian }),
	quantile("kld_p90", 0.9, func(r *report.Row) float64 { return r.KLDP90 }),
	quantile("kld_p95", 0.95, func(r *report.Row) float64 { return r.KLDP95 }),
	quantile("kld_p99", 0.99, func(r *report.Row) float64 { return r.KLDP99 }),
	quantile("kld_p999", 0.999, func(r *report.Row) float64 { return r.KLDP999 }),
	{name: "kld_max", value: func(r *report.Row) float64 { return r.KLDMax }, extreme: true},
	{name: "bits_per_byte", value: func(r *report.Row) float64 { return r.BitsPerByte },
		excess: func(w *score.Window, bytes int, limit float64) float64 { return w.NLL/math.Ln2 - limit*float64(bytes) }},
	{name: "bpw", value: func(r *report.Row) float64 { return float64(r.PayloadBits) / float64(r.Weights) }},
	{name: "payload_bits", value: func(r *report.Row) float64 { return float64(r.PayloadBits) }},
	{name: "file_bytes", value: func(r *report.Row) float64 { return float64(r.FileBytes) }},
	{name: "fallbacks", value: func(r *report.Row) float64 { return float64(r.Fallbacks) }},
}

// measured reports whether the metric has an error.
func (m *metric) measured() bool { return m.se != nil }

// ofText reports whether the metric depends on the text.
func (m *metric) ofText() bool { return m.measured() || m.excess != nil || m.extreme }

func metricOf(name string) *metric {
	for i := range metrics {
		if metrics[i].name == name {
			return &metrics[i]
		}
	}
	return nil
}

// Metrics lists the names that rules may bound.
func Metrics() []string {
	var names []string
	for _, m := range metrics {
		names = append(names, m.name)
	}
	return names
}
