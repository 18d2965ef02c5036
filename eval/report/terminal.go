package report

import (
	"bufio"
	"fmt"
	"io"
	"strings"
	"unicode/utf8"

	"bitmill/formats"
)

// width of the terminal that Table writes for, in columns.
const width = 100

// Table writes the report for a terminal: the summary, then a table per model, no line wider than 100 columns.
func Table(w io.Writer, r *Report) error {
	b := bufio.NewWriter(w)
	for _, s := range Summary(r) {
		wrap(b, s, "")
	}
	for i := range r.Models {
		m := &r.Models[i]
		b.WriteString("\n")
		head := clean(m.Name)
		if m.Parameters > 0 {
			head += ", " + count(m.Parameters) + " parameters"
		}
		wrap(b, head, "")
		terminalTable(b, formatTable(m, gradedColumns))
		if lines := fidelityLines(&m.Fidelity); lines != nil {
			wrap(b, lines[0]+" "+lines[1], "")
		}
		if m.Knee.Located {
			wrap(b, clean(m.Knee.Evidence), "")
		}
		if t := m.taskTable(); t.Rows != nil {
			b.WriteString("\n")
			terminalTable(b, t)
		}
		if t := formatTable(m, resourceColumns); t.Rows != nil {
			wrap(b, "Speed and memory: "+m.machine(), "")
			terminalTable(b, t)
		}
		for _, s := range m.warnings() {
			wrap(b, "warning: "+clean(s), "  ")
		}
	}
	if t := r.locatedTable(); t.Rows != nil {
		b.WriteString("\n")
		wrap(b, "Located thresholds", "")
		terminalTable(b, t)
		for _, s := range r.locatedSentences() {
			wrap(b, s, "")
		}
	}
	for _, s := range r.Warnings {
		wrap(b, "warning: "+clean(s), "  ")
	}
	return b.Flush()
}

func terminalTable(b *bufio.Writer, t table) {
	widths := t.widths()
	for total(widths) > width && t.drop() {
		widths = t.widths()
	}
	for _, cells := range append([][]string{t.heads()}, t.Rows...) {
		var line strings.Builder
		for i, c := range cells {
			if i > 0 {
				line.WriteString("  ")
			}
			w := widths[i]
			if t.Heads[i].Left {
				w = -w
			}
			fmt.Fprintf(&line, "%*s", w, shorten(c, widths[i]))
		}
		b.WriteString(strings.TrimRight(line.String(), " ") + "\n")
	}
}

// widths are those of the widest cells; a long format name is cut to 24.
func (t *table) widths() []int {
	out := make([]int, len(t.Heads))
	for i, h := range t.Heads {
		out[i] = utf8.RuneCountInString(h.Text)
		for _, r := range t.Rows {
			out[i] = max(out[i], utf8.RuneCountInString(r[i]))
		}
		if h.Left {
			out[i] = min(out[i], 24)
		}
	}
	return out
}

func total(widths []int) int {
	sum := 2 * (len(widths) - 1)
	for _, w := range widths {
		sum += w
	}
	return sum
}

func shorten(s string, n int) string {
	if utf8.RuneCountInString(s) <= n {
		return s
	}
	return string([]rune(s)[:n-1]) + "…"
}

// wrap writes a text in lines of at most 100 columns; all but the first start with the indent. Longer words are cut.
func wrap(b *bufio.Writer, s, indent string) {
	words := strings.Fields(s)
	for i, w := range words {
		words[i] = shorten(w, width-len(indent))
	}
	for _, line := range formats.Wrap(strings.Join(words, " "), width, indent) {
		fmt.Fprintln(b, line)
	}
}
