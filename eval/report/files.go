package report

import (
	"fmt"
	"math"
	"slices"
)

// fileColumns are the main table's: which file, how large, at which cost.
var fileColumns = []column{
	formatColumn,
	ofAll("Size", "whole file", 0, func(r *Row) string { return size(r.FileBytes) }),
	{head{"Smaller", "how many times smaller than the source", false, 0}, nil},
	ofArtifacts("Perplexity", "change of the perplexity of the text against the source; less than about 1 % is hard to notice", 0, change),
	ofArtifacts("KLD", "mean Kullback–Leibler divergence of the predictions from the source’s, nats per token; 0 is the source itself. "+
		"The bar is logarithmic, from 0.0001 to 1.", 0, func(r *Row) string { return divergence(r.KLD) }),
	ofArtifacts("Same top", "how often the likeliest next token is the source’s", 1,
		func(r *Row) string { return percent(r.SameTop) }),
	{head{"Quality", "by KLD and same top; the rules stand under Statistics, in the glossary", true, 0}, func(r *Row, source bool) string {
		if source {
			return none
		}
		return r.Grade().String()
	}},
	ofArtifacts("Of llama-quantize", "KLD as a share of that of the same format as llama-quantize makes it; ≈ where that is estimated from a few windows", 1,
		func(r *Row) string {
			if r.Reference == nil || !plausible(r.KLD/r.Reference.KLD, 1e-6, 1e6) {
				return none
			}
			s := fmt.Sprintf("%.0f %%", 100*r.KLD/r.Reference.KLD)
			if r.Reference.Windows > 0 {
				s = "≈ " + s
			}
			return s
		}),
	ofMeasured("Prompt t/s", "tokens of a prompt per second", 1, func(r *Resources) string { return rate(r.Prompt.PerSecond) }),
	ofMeasured("Generated t/s", "single tokens per second", 1, func(r *Resources) string { return rate(r.Generate.PerSecond) }),
}

func rate(perSecond float64) string {
	if !(perSecond > 0) {
		return none
	}
	return fmt.Sprintf("%.*f", max(0, 2-int(math.Log10(max(perSecond, 1)))), perSecond)
}

// fileTable is the main table; the row to deploy is marked.
func (m *Model) fileTable() table {
	columns := slices.Clone(fileColumns)
	columns[2].cell = func(r *Row, source bool) string {
		x := float64(m.Source.FileBytes) / float64(r.FileBytes)
		if source || !plausible(x, 1e-4, 1e4) {
			return none
		}
		return fmt.Sprintf("%.2f ×", x)
	}
	return formatTable(m, columns).named("Files of "+clean(m.Name),
		"Most bits first; the marked row is the file to deploy.")
}

// fileRow is a row of the main table on the page.
type fileRow struct {
	Cells          []fileCell
	SHA256         string
	Source, Chosen bool
}

// fileCell is a cell with what the page adds to its text.
type fileCell struct {
	Text, Link string
	Left       bool
	Grade      int // of a word for the quality
	Bar        int // percent, of a divergence; 0: none
}

// fileRows are the rows of the main table with links, bars and hashes.
func (m *Model) fileRows(t *table) (out []fileRow) {
	rows := append([]*Row{&m.Source}, m.sorted()...)
	for i, cells := range t.Rows {
		r := rows[i]
		line := fileRow{Source: i == 0, Chosen: i > 0 && i == t.Chosen, SHA256: clean(r.SHA256)}
		for k, text := range cells {
			c := fileCell{Text: text, Left: t.Heads[k].Left}
			switch {
			case k == 0 && i > 0:
				c.Link = link(r.Path)
			case i == 0:
			case t.Heads[k].Text == "Quality":
				c.Grade = int(r.Grade())
			case t.Heads[k].Text == "KLD" && r.Compared():
				c.Bar = barOf(r.KLD)
			}
			line.Cells = append(line.Cells, c)
		}
		out = append(out, line)
	}
	return out
}

// barOf is the length of a divergence's bar in percent: 0.0001 nats are 2, one nat is 100.
func barOf(kld float64) int {
	if !(kld > 0) {
		return 2
	}
	return int(min(max(100*(1+math.Log10(kld)/4), 2), 100))
}
