package report

import (
	"bufio"
	"fmt"
	"io"
	"strings"
)

// Markdown writes the report as GitHub-flavoured Markdown.
func Markdown(w io.Writer, r *Report) error {
	b := bufio.NewWriter(w)
	p := func(format string, args ...any) { fmt.Fprintf(b, format, args...) }
	p("# bitmill report\n\n")
	for i, s := range Summary(r) {
		if i == 0 {
			s = "**" + escape(s) + "**"
		} else {
			s = escape(s)
		}
		p("%s\n\n", s)
	}
	markdownList(b, "Warnings", r.Warnings)
	if _, all := paretoChart(r); len(all) > 0 {
		p("%s\n\n", escape(dominatedSentence(all)))
	}
	for i := range r.Models {
		markdownModel(b, &r.Models[i])
	}
	for i := range r.Economy {
		e := &r.Economy[i]
		p("## Economy of %s\n\n%s\n\n", escape(clean(e.Larger)), escape(clean(e.Evidence)))
		if t := economyTable(e); len(t.Rows) > 0 {
			markdownTable(b, t)
			p("Negative Δ ln PPL: %s wins. Intervals at %s. %s\n\n", escape(clean(e.Larger)), level(e.Level), escape(clean(e.Method)))
		}
	}
	p("## How it was measured\n\n")
	for _, f := range r.facts() {
		p("- %s: %s\n", f[0], escape(f[1]))
	}
	p("\n")
	for _, g := range glossary {
		p("- %s\n", escape(g))
	}
	return b.Flush()
}

func markdownModel(b *bufio.Writer, m *Model) {
	p := func(format string, args ...any) { fmt.Fprintf(b, format, args...) }
	p("## %s\n\n", escape(clean(m.Name)))
	for _, f := range m.facts() {
		p("- %s: %s\n", f[0], escape(f[1]))
	}
	p("\n")
	markdownTable(b, formatTable(m, columns))
	if lines := fidelityLines(&m.Fidelity); lines != nil {
		p("Fidelity: %s\n\n", escape(strings.Join(lines, " ")))
	}
	if m.Knee.Evidence != "" {
		p("Knee: %s\n\n", escape(clean(m.Knee.Evidence)))
	}
	if t := m.stepTable(); len(t.Rows) > 0 {
		p("### What each step costs\n\n%s\n\n", t.Caption)
		markdownTable(b, t)
	}
	markdownList(b, "Warnings", m.warnings())
	if t := formatTable(m, resourceColumns); t.Rows != nil {
		p("### Speed and memory\n\n%s.\n\n", escape(m.machine()))
		markdownTable(b, t)
		for _, s := range m.claimSentences() {
			p("- %s\n", escape(s))
		}
		p("\n")
	}
	if g := m.grid(); g != nil {
		p("### Mean relative error by role\n\n%s\n\n", escape(clean(m.TensorNote)))
		markdownTable(b, g.byRole())
	}
	hashes := false
	for _, r := range m.sorted() {
		if r.SHA256 != "" {
			p("- `%s` %s\n", clean(r.SHA256), escape(clean(or(r.Path))))
			hashes = true
		}
	}
	if hashes {
		p("\n")
	}
}

func markdownTable(b *bufio.Writer, t table) {
	line := func(cells []string) {
		for _, c := range cells {
			b.WriteString("| " + escape(c) + " ")
		}
		b.WriteString("|\n")
	}
	line(t.heads())
	for _, h := range t.Heads {
		if h.Left {
			b.WriteString("|---")
		} else {
			b.WriteString("|---:")
		}
	}
	b.WriteString("|\n")
	for _, r := range t.Rows {
		line(r)
	}
	b.WriteString("\n")
}

func markdownList(b *bufio.Writer, title string, items []string) {
	if len(items) == 0 {
		return
	}
	fmt.Fprintf(b, "%s:\n\n", title)
	for _, s := range items {
		fmt.Fprintf(b, "- %s\n", escape(clean(s)))
	}
	b.WriteString("\n")
}

// escape makes a text plain in Markdown, in tables too. Underscores inside words (Q4_K_M) are plain already.
func escape(s string) string {
	var b strings.Builder
	for i, r := range s {
		switch {
		case strings.ContainsRune("\\`*[]<>|~&", r),
			r == '_' && (i == 0 || i == len(s)-1 || !alphanumeric(s[i-1]) || !alphanumeric(s[i+1])),
			i == 0 && strings.ContainsRune("#+-=", r) && !(len(s) > 1 && alphanumeric(s[1])):
			b.WriteByte('\\')
		}
		b.WriteRune(r)
	}
	return b.String()
}

func alphanumeric(c byte) bool {
	return '0' <= c && c <= '9' || 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z' || c == '_'
}
