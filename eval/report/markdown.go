package report

import (
	_ "embed"
	"io"
	"strings"
	"text/template"
)

//go:embed page.md.tmpl
var markdownSource string

var markdown = template.Must(template.New("markdown").Funcs(template.FuncMap{
	"escape": escape, "table": markdownTable,
}).Parse(markdownSource))

// Markdown writes the report as GitHub-flavoured Markdown.
func Markdown(w io.Writer, r *Report, c Colophon) error { return markdown.Execute(w, r.view(&c)) }

// MarkdownTable returns rows as a table of GitHub-flavoured Markdown. The first row is its head; the first column stands
// left, numbers right.
func MarkdownTable(rows [][]string) string {
	t := table{Rows: rows[1:]}
	for i, text := range rows[0] {
		t.Heads = append(t.Heads, head{Text: text, Left: i == 0})
	}
	return markdownTable(t)
}

func markdownTable(t table) string {
	var b strings.Builder
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
	return b.String() + "\n"
}

// Plain is a text without meaning in Markdown, in one line.
func Plain(s string) string { return escape(clean(s)) }

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
