package report

import (
	"fmt"
	"strings"
)

// readingView explains the chart of the answer.
type readingView []string

// reading says what stands in a model's chart, and nothing of what does not.
func (m *Model) reading() (out readingView) {
	out = append(out, "A dot is a file: further left is smaller, lower is nearer to the source.",
		"The line joins the files that are worth their bytes. Grey dots are not: a file no larger diverges less.")
	if d := m.decide().Deploy; d != nil && drawable(d) {
		why := "the smallest that is " + d.Grade().String()
		if m.ownBudget() && m.smallest() == d {
			why = "the smallest within the budget"
		}
		out = append(out, fmt.Sprintf("The ring marks %s, the file to deploy: %s.", clean(d.Format), why))
	}
	out = append(out, "Shades are grades by KLD. The share of equal next tokens counts too, so a file may be worse than its shade.")
	if f := &m.Fidelity; f.Located {
		out = append(out, fmt.Sprintf("The threshold is the size at which KLD crosses the budget of %g nats; beside it its interval.", f.Budget))
	}
	if len(m.Probes) > 0 {
		out = append(out, "Small diamonds are mixes of types that were measured to find the threshold; they are not kept as files.")
	}
	if s := m.referenceKind(); s != "" {
		out = append(out, "Squares on the dashed line are the same formats as llama-quantize makes them"+s+".")
	}
	if names := m.undrawn(); names != "" {
		out = append(out, "Not drawn, since they do not diverge: "+names+".")
	}
	return append(out, "Point at a mark, or reach it by Tab, for its figures.")
}

// undrawn are the formats that stand at no place of a logarithmic scale.
func (m *Model) undrawn() string {
	var names []string
	for _, r := range m.sorted() {
		if r.Compared() && !drawable(r) {
			names = append(names, clean(r.Format))
		}
	}
	return strings.Join(names, ", ")
}
