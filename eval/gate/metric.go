package gate

import (
	"math"

	"bitmill/eval/report"
)

// metric is one column of a report that can be bounded. A metric with neither a series nor a standard error, because it
// is exact or because none is known (quantiles, maxima), is compared as it stands.
type metric struct {
	name   string // as in report.json
	more   bool   // more is better
	value  func(r *report.Row) float64
	se     func(r *report.Row) float64
	series func(r *report.Row) []float64 // by window, on the scale of scale(value)
	scale  func(x float64) float64
}

func same(x float64) float64 { return x }

// metrics are in the order of how often they are wanted.
var metrics = []metric{
	{name: "kld", value: func(r *report.Row) float64 { return r.KLD }, se: func(r *report.Row) float64 { return r.KLDSE },
		series: func(r *report.Row) []float64 { return r.WindowKLD }, scale: same},
	{name: "ppl", value: func(r *report.Row) float64 { return r.PPL }, se: func(r *report.Row) float64 { return r.PPLSE },
		series: func(r *report.Row) []float64 { return r.WindowNLL }, scale: math.Log},
	{name: "ln_ratio", value: func(r *report.Row) float64 { return r.LnRatio },
		se: func(r *report.Row) float64 { return r.LnRatioSE }},
	{name: "same_top", more: true, value: func(r *report.Row) float64 { return r.SameTop },
		se: func(r *report.Row) float64 { return r.SameTopSE }},
	{name: "delta_p", more: true, value: func(r *report.Row) float64 { return r.DeltaP },
		se: func(r *report.Row) float64 { return r.DeltaPSE }},
	{name: "rms_delta_p", value: func(r *report.Row) float64 { return r.RMSDeltaP }},
	{name: "kld_median", value: func(r *report.Row) float64 { return r.KLDMedian }},
	{name: "kld_p90", value: func(r *report.Row) float64 { return r.KLDP90 }},
	{name: "kld_p95", value: func(r *report.Row) float64 { return r.KLDP95 }},
	{name: "kld_p99", value: func(r *report.Row) float64 { return r.KLDP99 }},
	{name: "kld_p999", value: func(r *report.Row) float64 { return r.KLDP999 }},
	{name: "kld_max", value: func(r *report.Row) float64 { return r.KLDMax }},
	{name: "bits_per_byte", value: func(r *report.Row) float64 { return r.BitsPerByte }},
	{name: "bpw", value: func(r *report.Row) float64 { return float64(r.PayloadBits) / float64(r.Weights) }},
	{name: "payload_bits", value: func(r *report.Row) float64 { return float64(r.PayloadBits) }},
	{name: "file_bytes", value: func(r *report.Row) float64 { return float64(r.FileBytes) }},
	{name: "fallbacks", value: func(r *report.Row) float64 { return float64(r.Fallbacks) }},
}

// measured reports whether the metric has an error.
func (m *metric) measured() bool { return m.se != nil }

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
