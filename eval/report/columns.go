package report

import (
	"fmt"
	"slices"
	"strconv"

	"bitmill/eval/threshold"
)

// column is one column of the table of formats, shared by all renderings.
type column struct {
	head, title string // short name, and what it means
	left        bool   // aligned left; numbers stand right
	rank        int    // narrow tables drop the highest first; 0 stays
	cell        func(r *Row, source bool) string
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
var formatColumn = column{"Format", "", true, 0, func(r *Row, source bool) string {
	if source {
		return clean(r.Format) + " (source)"
	}
	return clean(r.Format)
}}

// columns are the main table's.
var columns = []column{
	formatColumn,
	{"BPW", "payload bits per weight, all tensors", false, 0, func(r *Row, _ bool) string { return or(bpwOf(r.PayloadBits, r.Weights)) }},
	{"Matrices", "bits per weight of the matrices only", false, 6, func(r *Row, _ bool) string { return or(bpwOf(r.MatrixBits, r.MatrixWeights)) }},
	{"Size", "whole file", false, 0, func(r *Row, _ bool) string { return size(r.FileBytes) }},
	{"PPL", "perplexity ± standard error", false, 1, func(r *Row, _ bool) string { return perplexity(r) }},
	{"Δ ln PPL", "change of the mean loss against the source, nats per token, paired", false, 3, divergence(func(r *Row) string { return measure(r.LnRatio, r.LnRatioSE, true) })},
	{"KLD", "mean KL divergence from the source, nats per token", false, 0, divergence(func(r *Row) string { return measure(r.KLD, r.KLDSE, false) })},
	{"KLD 99 %", "99th percentile over tokens", false, 5, divergence(func(r *Row) string { return measure(r.KLDP99, 0, false) })},
	{"Same top", "share of tokens whose likeliest continuation is the source's", false, 2, divergence(func(r *Row) string { return percent(r.SameTop) })},
	{"Fallbacks", "tensors that could not take the type the format asks for, and their share of the weights", false, 4, func(r *Row, source bool) string {
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

// table is a model's formats as text: columns that say nothing in every row are left out.
type table struct {
	columns []column
	rows    [][]string
	chosen  int // the row of the smallest format within the budget, -1 when there is none
}

func newTable(m *Model, columns []column) table {
	t := table{chosen: -1}
	rows, best := m.sorted(), m.smallest()
	t.rows = make([][]string, 1+len(rows))
	for _, c := range columns {
		cells := []string{c.cell(&m.Source, true)}
		for _, r := range rows {
			cells = append(cells, c.cell(r, false))
		}
		if c.rank > 0 && !slices.ContainsFunc(cells, func(s string) bool { return s != none && s != "0" }) {
			continue
		}
		t.columns = append(t.columns, c)
		for i, s := range cells {
			t.rows[i] = append(t.rows[i], s)
		}
	}
	for i, r := range rows {
		if r == best {
			t.chosen = i + 1
		}
	}
	return t
}

// drop removes the column of the highest rank; false when only those that stay are left.
func (t *table) drop() bool {
	worst := 0
	for i, c := range t.columns {
		if c.rank > t.columns[worst].rank {
			worst = i
		}
	}
	if t.columns[worst].rank == 0 {
		return false
	}
	t.columns = slices.Delete(slices.Clone(t.columns), worst, worst+1)
	for i := range t.rows {
		t.rows[i] = slices.Delete(slices.Clone(t.rows[i]), worst, worst+1)
	}
	return true
}

// economyTable holds a model against the smaller ones, artifact by artifact.
func economyTable(e *threshold.Economy) (heads []string, rows [][]string) {
	heads = []string{"Format", "BPW", "Size", "Smaller model at equal bytes", "Δ ln PPL", "Interval", "Verdict"}
	for _, c := range slices.Backward(e.Comparisons) {
		row := []string{clean(c.Format), fmt.Sprintf("%.4f", c.BPW), size(c.FileBytes), or(clean(c.Rival)), none, none, c.Verdict}
		if c.Rival != "" {
			row[4] = fmt.Sprintf("%+.4f", c.Mean)
			row[5] = fmt.Sprintf("%+.4f to %+.4f", c.Low, c.High)
		}
		rows = append(rows, row)
	}
	return heads, rows
}

// empty reports whether the table says nothing but names.
func (t *table) empty() bool { return len(t.columns) < 2 }

func level(l float64) string { return strconv.FormatFloat(100*l, 'g', 4, 64) + " %" }
