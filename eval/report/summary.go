package report

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"bitmill/eval/paired"
	"bitmill/eval/pareto"
	"bitmill/eval/threshold"
	"bitmill/formats"
)

// sorted are the artifacts from the most bits to the fewest.
func (m *Model) sorted() []*Row {
	rows := make([]*Row, len(m.Artifacts))
	for i := range rows {
		rows[i] = &m.Artifacts[i]
	}
	slices.SortStableFunc(rows, func(a, b *Row) int {
		return cmp.Or(cmp.Compare(b.PayloadBits, a.PayloadBits), cmp.Compare(b.FileBytes, a.FileBytes),
			strings.Compare(a.Format, b.Format))
	})
	return rows
}

// smallest is the smallest artifact whose own KLD is within the fidelity budget, nil when there is none.
func (m *Model) smallest() *Row {
	for _, r := range slices.Backward(m.sorted()) {
		if r.Compared() && r.KLD <= m.Fidelity.Budget {
			return r
		}
	}
	return nil
}

// Summary is the report in a few sentences: per model which file to deploy, what is within a budget of one's own, and one
// per economy threshold that was located.
func Summary(r *Report) []string {
	var out []string
	for i := range r.Models {
		if s := r.Models[i].decisionSentence(); s != "" {
			out = append(out, s)
		}
	}
	return append(out, r.lines()...)
}

func (m *Model) summary(name bool) string {
	of := "the source"
	if name {
		of = clean(m.Name)
	}
	about := func(r *Row) string {
		return fmt.Sprintf("%s (%s BPW, %s)", clean(r.Format), short(r.PayloadBits, r.Weights), size(r.FileBytes))
	}
	kld := func(r *Row) string { return "KLD " + measure(r.KLD, r.KLDSE, false) }
	if best := m.smallest(); best != nil {
		s := fmt.Sprintf("%s is the smallest format within %g nats of %s (%s).",
			about(best), m.Fidelity.Budget, of, kld(best))
		if best.KLD+paired.Quantile(claimLevel)*best.KLDSE > m.Fidelity.Budget ||
			best.Sample != nil && best.Sample.High > m.Fidelity.Budget {
			s += " That is within the error of the limit."
		}
		if m.Fidelity.Status == threshold.Below {
			if rows := m.sorted(); best == rows[len(rows)-1] {
				s += " It is also the lowest tried."
			} else {
				s += " No useful one with fewer bits was tried."
			}
		}
		return s
	}
	compared := slices.DeleteFunc(m.sorted(), func(r *Row) bool { return !r.Compared() })
	if len(compared) == 0 || m.Fidelity.Budget == 0 {
		return fmt.Sprintf("%s: %s, %d of them compared with the source.",
			clean(m.Name), formats.Several(len(m.Artifacts), "format"), len(compared))
	}
	nearest := slices.MinFunc(compared, func(a, b *Row) int { return cmp.Compare(a.KLD, b.KLD) })
	return fmt.Sprintf("No format is within %g nats of %s; the nearest is %s, %s.",
		m.Fidelity.Budget, of, about(nearest), kld(nearest))
}

// economySentences say below which size a smaller model is the better choice, where that was located: by a search, or
// else by the formats.
func (r *Report) economySentences() (out []string) {
	for i := range r.Economy {
		e := &r.Economy[i]
		bits, low, high := e.BPW, e.Low, e.High
		located := e.Status == threshold.Located
		for k := range r.Located {
			if l := &r.Located[k]; l.Threshold == threshold.ForEconomy && l.Model == e.Larger && l.Located {
				located, bits, low, high = true, l.BPW, l.Low, l.High
			}
		}
		if located {
			out = append(out, clean(fmt.Sprintf("Below %.2f bits per weight of %s%s take %s instead: it is the better use of as many bytes.",
				bits, e.Larger, bounds(low, high), strings.Join(e.Smaller, " or "))))
		}
	}
	return out
}

// lines are the sentences above the cards, which say the rest.
func (r *Report) lines() (out []string) {
	for i := range r.Models {
		if m := &r.Models[i]; m.ownBudget() || m.decide().Deploy == nil {
			out = append(out, m.summary(len(r.Models) > 1))
		}
	}
	out = append(out, r.economySentences()...)
	if len(r.Models) == 0 {
		out = append(out, "Nothing was measured.")
	}
	return out
}

// bounds describes an interval, whose ends may be open.
func bounds(low, high float64) string {
	switch {
	case low > 0 && high > 0:
		return fmt.Sprintf(" (between %.2f and %.2f)", low, high)
	case low > 0:
		return fmt.Sprintf(" (above %.2f)", low)
	case high > 0:
		return fmt.Sprintf(" (below %.2f)", high)
	}
	return ""
}

// fidelityLines say where the threshold lies, why, and how that was found.
func fidelityLines(f *threshold.Fidelity) []string {
	if f.Status == "" {
		return nil
	}
	head := fmt.Sprintf("KLD of %g nats: %s", f.Budget, clean(f.Status))
	if f.Located {
		head = fmt.Sprintf("KLD of %g nats is crossed at %.3f BPW", f.Budget, f.BPW)
		if f.Low > 0 && f.High > 0 {
			head += fmt.Sprintf(", %s interval %.3f to %.3f", level(f.Level), f.Low, f.High)
		}
	}
	return []string{head + ".", clean(f.Evidence), clean(f.Method)}
}

// dominatedSentence names the files that are not worth having.
func dominatedSentence(all []pareto.Candidate) string {
	var list []string
	for _, c := range all {
		if c.Dominated != "" {
			list = append(list, fmt.Sprintf("%s %s (by %s)", clean(c.Model), clean(c.Format), clean(c.Dominated)))
		}
	}
	switch {
	case len(all) == 0:
		return ""
	case len(list) == 0:
		return "No file is dominated: none is worse, beyond the error, than one that is no larger."
	}
	return "Dominated, as a file no larger is better beyond the error (files of one model compare by KLD), " +
		"or a smaller one predicts the same: " + strings.Join(list, ", ") + "."
}

// warnings are the model's, and that tensors fell back.
func (m *Model) warnings() []string {
	out := cleanAll(m.Warnings)
	var fell []string
	for _, r := range m.sorted() {
		if r.Fallbacks > 0 {
			fell = append(fell, fmt.Sprintf("%s %d (%.1f %% of the weights)", clean(r.Format), r.Fallbacks, 100*r.FallbackShare))
		}
	}
	if fell != nil {
		out = append(out, "tensors took another type than their format's, as their rows are no multiple of its blocks "+
			"(of 256 values in k-quants); the bits per weight count that: "+strings.Join(fell, ", "))
	}
	return out
}

// claimSentences say whether resources grow with bits per weight.
func (m *Model) claimSentences() []string {
	var out []string
	for _, c := range m.Claims() {
		s := c.Evidence
		if s == "" {
			s = c.Reason + "."
		}
		out = append(out, clean(strings.ToUpper(s[:1])+s[1:]))
	}
	return out
}

// facts are lines of a name and a value.
type facts [][2]string

func (f *facts) add(name, value string) {
	if value != "" {
		*f = append(*f, [2]string{name, clean(value)})
	}
}

// facts are the lines that describe a model.
func (m *Model) facts() (f facts) {
	f.add("Architecture", m.Architecture)
	if m.Family != m.Architecture {
		f.add("Family", m.Family)
	}
	if m.Parameters > 0 {
		f.add("Parameters", count(m.Parameters))
	}
	f.add("Path", m.Path)
	f.add("Source hash", m.SourceHash)
	if n := m.Noise; n != nil {
		f.add("Noise floor", fmt.Sprintf("KLD %s over %s: the source against itself with activations rounded to BF16",
			measure(n.KLD, n.KLDSE, false), formats.Several(n.Windows, "window")))
	}
	if c := m.Calibration; c != nil {
		text, sum := c.Text, "Calibration SHA-256"
		if c.Imatrix != "" {
			text, sum = c.Imatrix, "Imatrix SHA-256"
			if c.Text != "" {
				text += " (made from " + c.Text + ")"
			}
		}
		s := fmt.Sprintf("%s, %s, %s covered", text, formats.Several(c.Windows, "chunk"),
			formats.Several(c.Entries, "tensor"))
		if c.ZeroColumns > 0 {
			s += fmt.Sprintf(", %s without data", formats.Several(c.ZeroColumns, "column"))
		}
		f.add("Calibration", s)
		f.add(sum, c.SHA256)
	}
	return f
}

// facts are the lines that describe the run.
func (r *Report) facts() (f facts) {
	t := &r.Text
	f.add("Text", t.Name)
	f.add("Text SHA-256", t.SHA256)
	if t.Windows > 0 {
		s := fmt.Sprintf("%s of %d tokens", formats.Several(t.Windows, "chunk"), t.Context)
		switch {
		case t.Seed > 0 && t.Scored > 0:
			s += fmt.Sprintf(", taken in a random order (seed %d) until enough was known: at most %d tokens scored", t.Seed, t.Scored)
		case t.Scored > 0:
			s += fmt.Sprintf(", %d tokens scored", t.Scored)
		}
		if t.Tokens > 0 {
			s += fmt.Sprintf(", %d in the text", t.Tokens)
		}
		f.add("Protocol", s)
	}
	if t.Overlap > 0 {
		f.add("Overlap", fmt.Sprintf("%.3g %% of the text's runs of thirteen words stand in the calibration text too",
			100*t.Overlap))
	}
	f.add("Tool", r.Tool)
	f.add("Command", r.Command)
	return f
}

// gradeWords are the rules of the grades.
func gradeWords() string {
	var list []string
	for _, r := range gradeRules {
		list = append(list, r.word+": "+r.grade.rule())
	}
	return "Quality is a word for a file. " + strings.Join(list, "; ") + "; poor: what is left."
}

// glossary explains the columns, for readers who meet the report first.
func glossary() []string { return append([]string{gradeWords()}, terms...) }

var terms = []string{
	"BPW is payload bits over weights, all tensors, without padding or header. Size is the whole file.",
	"PPL is the perplexity of the text. Its standard error is mostly the text's and is shared by all rows: " +
		"to compare rows, use Δ ln PPL and KLD, which are paired token by token.",
	"Where windows were taken until enough was known, rows have different ones. Their PPL is the source's over all its " +
		"windows times exp(Δ ln PPL), comparisons of rows are made on the windows that both have, and intervals hold " +
		"whenever one stops (confidence sequences).",
	"KLD is the mean over scored tokens of the Kullback–Leibler divergence of the format's prediction " +
		"from the source's, in nats.",
	"Same top is how often the likeliest next token is the source's.",
	"The relative error of a tensor is sqrt(Σ w (x − q)² / Σ w x²) over its values: x in the source, q in the artifact, " +
		"w the imatrix’s weight of the column.",
	"A knee is the joint of two straight lines through ln KLD over BPW: below it, a bit less costs more than above.",
	"Fidelity is the BPW at which KLD crosses the budget. Economy is the lowest BPW at which the larger model " +
		"still beats the smaller one at equal bytes.",
}
