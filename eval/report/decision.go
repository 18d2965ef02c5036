package report

import (
	"cmp"
	"fmt"
	"math"
	"path"
	"strings"

	"bitmill/eval/threshold"
	"bitmill/formats"
)

// Decision is which file of a model to deploy, and two others for those who want less or more.
type Decision struct {
	Deploy, Smaller, Safer *Row // nil: there is none
}

// decide takes the smallest file that is good, or else noticeably changed, or else the nearest of the poor; with a budget
// of one's own, the smallest within it. Smaller is the smallest one that is noticeably but not poorly changed, Safer the
// smallest that is nearly lossless.
func (m *Model) decide() (d Decision) {
	rows := m.sorted()
	smallest := func(worst Grade) *Row {
		for i := len(rows) - 1; i >= 0; i-- {
			if g := rows[i].Grade(); g != Ungraded && g <= worst {
				return rows[i]
			}
		}
		return nil
	}
	if m.ownBudget() {
		d.Deploy = m.smallest()
	}
	if d.Deploy = cmp.Or(d.Deploy, smallest(Good), smallest(Noticeable)); d.Deploy == nil {
		for _, r := range rows {
			if r.Compared() && (d.Deploy == nil || r.KLD < d.Deploy.KLD) {
				d.Deploy = r
			}
		}
		return d
	}
	if r := smallest(Lossless); r != nil && r != d.Deploy && r.FileBytes > d.Deploy.FileBytes {
		d.Safer = r
	}
	if r := smallest(Noticeable); r != nil && r != d.Deploy && r.FileBytes < d.Deploy.FileBytes {
		d.Smaller = r
	}
	return d
}

// ownBudget reports whether the divergence that may be was given, and is not the default: grades stand for that.
func (m *Model) ownBudget() bool {
	return m.Fidelity.Budget > 0 && m.Fidelity.Budget != threshold.DefaultBudget
}

// contextTokens are the tokens whose keys and values a card counts, and that its commands ask for: at most as many as
// the model was made for.
func (m *Model) contextTokens() int64 {
	const usual = 4096
	if m.Context > 0 {
		return min(m.Context, usual)
	}
	return usual
}

// smallerBy is "3.1 times smaller", from the size of the source.
func (m *Model) smallerBy(r *Row) string {
	x := float64(m.Source.FileBytes) / float64(r.FileBytes)
	if !plausible(x, 1.005, 1e4) {
		return ""
	}
	return fmt.Sprintf("%.3g times smaller", x)
}

// decisionSentence says which file to deploy and what it costs.
func (m *Model) decisionSentence() string {
	d := m.decide()
	if d.Deploy == nil {
		return ""
	}
	r := d.Deploy
	s := fmt.Sprintf("Deploy %s (%s%s): %s.", fileName(m, r), size(r.FileBytes), after(", ", m.smallerBy(r)), r.Grade())
	if finite(r.SameTop) && finite(r.LnRatio) {
		s += fmt.Sprintf(" The same next token in %s, perplexity %s.", percent(r.SameTop), change(r))
	}
	if d.Smaller != nil {
		s += fmt.Sprintf(" Smaller: %s (%s, %s).", clean(d.Smaller.Format), size(d.Smaller.FileBytes), d.Smaller.Grade())
	}
	if d.Safer != nil {
		s += fmt.Sprintf(" Safer: %s (%s, %s).", clean(d.Safer.Format), size(d.Safer.FileBytes), d.Safer.Grade())
	}
	return s
}

// fileName is the name of a row's file.
func fileName(m *Model, r *Row) string {
	if r.Path == "" {
		return clean(m.Name + " " + r.Format)
	}
	return clean(path.Base(r.Path))
}

// after puts a separator in front of a text, unless that is empty.
func after(separator, s string) string {
	if s == "" {
		return ""
	}
	return separator + s
}

// change is the change of perplexity in percent, with a sign.
func change(r *Row) string {
	x := 100 * r.Change()
	if !finite(x) {
		return none
	}
	digits := 2 - min(2, int(math.Log10(max(math.Abs(x), 1))))
	if s := fmt.Sprintf("%+.*f %%", digits, x); strings.ContainsAny(s, "123456789") {
		return s
	}
	return "0.00 %"
}

// cardView is a decision as the page shows it.
type cardView struct {
	Name     string // of the model
	Choices  []choiceView
	Commands [][2]string // what for, command
	Notes    []string
}

// choiceView is one file of a card.
type choiceView struct {
	Role  string // deploy, smaller, safer
	File  string
	Link  string // relative to the report
	Grade string
	Class string // of the style sheet
	Rule  string
	Line  string     // its figures in one line
	Stats []statView // the same to look at
	Facts facts
}

// statView is a figure with what it is.
type statView struct{ Value, Label string }

// card describes the decision; nil when nothing was compared. Its commands are for the folder of the report, or with
// inFolder for that of the files.
func (m *Model) card(inFolder bool) *cardView {
	d := m.decide()
	if d.Deploy == nil {
		return nil
	}
	v := &cardView{Name: clean(m.Name)}
	for _, c := range []struct {
		role string
		row  *Row
	}{{"Deploy", d.Deploy}, {"Smaller", d.Smaller}, {"Safer", d.Safer}} {
		if c.row != nil {
			v.Choices = append(v.Choices, m.choice(c.role, c.row))
		}
	}
	if p := d.Deploy.Path; p != "" {
		if inFolder {
			p = path.Base(p)
		}
		v.Commands = [][2]string{
			{"llama-server", fmt.Sprintf("llama-server -m %s -c %d", quoted(p), m.contextTokens())},
			{"ollama", "printf 'FROM %s\\n' " + quoted("./"+p) + " > Modelfile && ollama create " +
				quoted(modelTag(m, d.Deploy)) + " -f Modelfile"},
		}
	}
	if f := &m.Fidelity; f.Located {
		v.Notes = append(v.Notes, fmt.Sprintf("Quality breaks below %.2f bits per weight: there KLD exceeds %g nats.",
			f.BPW, f.Budget))
	} else if f.Status == threshold.Below {
		v.Notes = append(v.Notes, fmt.Sprintf("No size that was tried exceeds the budget of %g nats.", f.Budget))
	}
	return v
}

func (m *Model) choice(role string, r *Row) choiceView {
	g := r.Grade()
	c := choiceView{Role: role, File: fileName(m, r), Link: link(r.Path), Grade: g.String(), Rule: g.rule(),
		Class: fmt.Sprintf("grade%d", g)}
	c.stats(m, r)
	from := ""
	if m.Source.FileBytes > 0 {
		from = size(m.Source.FileBytes) + " → "
	}
	c.Facts.add("Size", from+size(r.FileBytes)+after(", ", m.smallerBy(r)))
	c.Facts.add("Bits per weight", short(r.PayloadBits, r.Weights))
	c.Facts.add("Same next token", percent(r.SameTop))
	c.Facts.add("Perplexity", change(r))
	c.Facts.add("KLD", measure(r.KLD, r.KLDSE, false)+" nats")
	if m.KVBytes+m.StateBytes > 0 {
		tokens := m.contextTokens()
		file := m.sized(r)
		c.Facts.add(fmt.Sprintf("Memory with %d tokens", tokens), size(file.MemoryWith(tokens)))
	}
	if x := r.Resources; x != nil && x.Generate.PerSecond > 0 {
		c.Facts.add("Speed", fmt.Sprintf("%s tokens/s, prompts %s", formats.Scaled(x.Generate.PerSecond, "", " thousand", " million"),
			formats.Scaled(x.Prompt.PerSecond, "", " thousand", " million")))
	}
	return c
}

// stats fills in the figures that decide.
func (c *choiceView) stats(m *Model, r *Row) {
	add := func(value, label string) {
		if value != "" && value != none {
			c.Stats = append(c.Stats, statView{value, label})
		}
	}
	parts := []string{size(r.FileBytes)}
	if s := m.smallerBy(r); s != "" {
		add(strings.Replace(s, " times smaller", "×", 1), "smaller: "+size(m.Source.FileBytes)+" → "+size(r.FileBytes))
		parts = append(parts, s)
	} else {
		add(size(r.FileBytes), "file size")
	}
	add(change(r), "perplexity")
	add(percent(r.SameTop), "same next token")
	if s := change(r); s != none {
		parts = append(parts, "perplexity "+s)
	}
	if s := percent(r.SameTop); s != none {
		parts = append(parts, "same next token "+s)
	}
	if m.KVBytes+m.StateBytes > 0 {
		tokens := m.contextTokens()
		file := m.sized(r)
		add(size(file.MemoryWith(tokens)), fmt.Sprintf("memory with %d tokens", tokens))
	}
	if x := r.Resources; x != nil {
		if s := rate(x.Generate.PerSecond); s != none {
			add(s, "tokens per second")
			parts = append(parts, s+" tokens per second")
		}
	}
	c.Line = strings.ReplaceAll(strings.Join(parts, ", "), " %", "\u00a0%")
}

// link is a path below the report as the page may link to it; "" for others.
func link(p string) string {
	p = path.Clean(p)
	if p == "." || path.IsAbs(p) || strings.HasPrefix(p, "..") || strings.ContainsAny(p, ":\\\x00\n\r") {
		return ""
	}
	return "./" + p
}

// quoted is a word for a shell.
func quoted(s string) string { return formats.ShellWords(clean(s)) }

// modelTag is a name that ollama takes.
func modelTag(m *Model, r *Row) string {
	return strings.ToLower(strings.TrimLeft(strings.Map(func(c rune) rune {
		if strings.ContainsRune("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-.", c) {
			return c
		}
		return '-'
	}, m.Name+":"+r.Format), "-._"))
}
