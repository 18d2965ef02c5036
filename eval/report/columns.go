package report

import (
	"fmt"
	"slices"
	"strconv"

	"bitmill/eval/threshold"
)

// column is a column of a table of formats.
type column struct {
	head
	cell func(r *Row, source bool) string
}

// divergence prints a number that only an artifact has.
func divergence(f func(r *Row) string) func(*Row, bool) string {
	return func(r *Row, source bool) string {
		if source || !r.Compared() {
			return none
		}
		return f(r)
	}
}

// formatColumn begins every table of formats.
var formatColumn = column{head{"Format", "", true, 0}, func(r *Row, source bool) string {
	if source {
		return clean(r.Format) + " (source)"
	}
	return clean(r.Format)
}}

// columns are the main table's.
var columns = []column{
	formatColumn,
	{head{"BPW", "payload bits per weight, all tensors", false, 0}, func(r *Row, _ bool) string { return or(bpwOf(r.PayloadBits, r.Weights)) }},
	{head{"Matrices", "bits per weight of the matrices only", false, 6}, func(r *Row, _ bool) string { return or(bpwOf(r.MatrixBits, r.MatrixWeights)) }},
	{head{"Size", "whole file", false, 0}, func(r *Row, _ bool) string { return size(r.FileBytes) }},
	{head{"PPL", "perplexity ± standard error", false, 1}, func(r *Row, _ bool) string { return perplexity(r) }},
	{head{"Δ ln PPL", "change of the mean loss against the source, nats per token, paired", false, 3}, divergence(func(r *Row) string { return measure(r.LnRatio, r.LnRatioSE, true) })},
	{head{"KLD", "mean KL divergence from the source, nats per token", false, 0}, divergence(func(r *Row) string { return measure(r.KLD, r.KLDSE, false) })},
	{head{"KLD 99 %", "99th percentile over tokens", false, 5}, divergence(func(r *Row) string { return measure(r.KLDP99, 0, false) })},
	{head{"Same top", "share of tokens whose likeliest continuation is the source's", false, 2}, divergence(func(r *Row) string { return percent(r.SameTop) })},
	{head{"Fallbacks", "tensors that could not take the type the format asks for, and their share of the weights", false, 4}, func(r *Row, source bool) string {
		switch {
		case source:
			return none
		case r.Fallbacks == 0:
			return "0"
		default:
			return fmt.Sprintf("%d (%.1f %%)", r.Fallbacks, 100*r.FallbackShare)
		}
	}},
}

func or(s string) string {
	if s == "" {
		return none
	}
	return s
}

// economyTable holds a model against the smaller ones, artifact by artifact.
func economyTable(e *threshold.Economy) table {
	t := textTable([]string{"Format", "BPW", "Size", "Smaller model at equal bytes", "Δ ln PPL", "Interval", "Verdict"}, 0, 3, 6)
	t.Label = "Economy of " + clean(e.Larger)
	t.Caption = fmt.Sprintf("Negative Δ ln PPL, nats per token: %s wins. Intervals at %s.", clean(e.Larger), level(e.Level))
	for _, c := range slices.Backward(e.Comparisons) {
		row := []string{clean(c.Format), fmt.Sprintf("%.4f", c.BPW), size(c.FileBytes), or(clean(c.Rival)), none, none, c.Verdict}
		if c.Rival != "" {
			row[4] = fmt.Sprintf("%+.4f", c.Mean)
			row[5] = fmt.Sprintf("%+.4f to %+.4f", c.Low, c.High)
		}
		t.Rows = append(t.Rows, row)
	}
	return t
}

func level(l float64) string { return strconv.FormatFloat(100*l, 'g', 4, 64) + " %" }
