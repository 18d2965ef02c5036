package report

import (
	"cmp"
	"fmt"
	"math"
	"slices"
	"strings"

	"bitmill/eval/paired"
	"bitmill/formats"
)

// Comparison holds runs over one text beside each other, oldest first: two, or the trend of many.
type Comparison struct {
	Runs    []string  `json:"runs"`    // their names
	Text    string    `json:"text"`    // that all were scored on
	Changes []Changed `json:"changes"` // of the last run against the one before

	reports []*Report
}

// Changed is one file in the last run and in the one before.
type Changed struct {
	Model  string       `json:"model"`
	Format string       `json:"format"`
	Status Status       `json:"status"`
	Was    *Figures     `json:"was"`    // null: the run before has no such file
	Is     *Figures     `json:"is"`     // null: the last run has none
	Change *paired.Test `json:"change"` // of KLD, nats per token, on the windows that both have; p by Holm; null: not known

	was, is *Row
	share   float64 // the change over what it was on the same windows; NaN: not known
}

// Figures are what is compared of a file; null is what was not measured.
type Figures struct {
	SHA256    string   `json:"sha256"`
	FileBytes int64    `json:"file_bytes"`
	KLD       *float64 `json:"kld"`
	PPL       *float64 `json:"ppl"`
	SameTop   *float64 `json:"same_top"`
}

// Status says what became of a file.
type Status string

// A file is better or worse when its divergence is so beyond the error.
const (
	SameFile Status = "the same file"
	Better   Status = "better"
	Worse    Status = "worse"
	Alike    Status = "within error"
	NewFile  Status = "new"
	GoneFile Status = "gone"
	Unlike   Status = "not comparable" // it was not evaluated in both
)

// Compare holds reports beside each other, oldest first, at least two. It fails when they are over different texts.
func Compare(reports []*Report, names []string, o paired.Options) (*Comparison, error) {
	first := reports[0]
	for i, r := range reports {
		if err := SameText(first, r, names[0], names[i]); err != nil {
			return nil, err
		}
	}
	c := &Comparison{Runs: names, Text: first.Text.Name, reports: reports, Changes: []Changed{}}
	was, is := reports[len(reports)-2], reports[len(reports)-1]
	o.Looks = o.Looks || Looks(was, is)
	for _, m := range c.models() {
		for _, row := range is.rowsOf(m) {
			c.Changes = append(c.Changes, changed(m, was.Row(m, row.Format), row, o))
		}
		for _, row := range was.rowsOf(m) {
			if is.Row(m, row.Format) == nil {
				c.Changes = append(c.Changes, changed(m, row, nil, o))
			}
		}
	}
	c.judge(o.WithDefaults().Level)
	return c, nil
}

// SameText fails when two reports, which have names, are over different texts, or cut them into other windows: their
// figures would differ without any file having changed.
func SameText(a, b *Report, nameA, nameB string) error {
	x, y := &a.Text, &b.Text
	if x.key() == y.key() {
		return nil
	}
	which := func(t *TextInfo) string {
		s := fmt.Sprintf("%s (windows of %d tokens", or(clean(t.Name)), t.Context)
		if x.Name == y.Name && x.SHA256 != y.SHA256 {
			s += after(", SHA-256 ", shorten(digits(t.SHA256), 12))
		}
		return s + ")"
	}
	return fmt.Errorf("%s was scored on %s, %s on %s: run both on the same text", nameA, which(x), nameB, which(y))
}

// models are those of the last run, and then those that only the one before has.
func (c *Comparison) models() (names []string) {
	for _, r := range []*Report{c.reports[len(c.reports)-1], c.reports[len(c.reports)-2]} {
		for i := range r.Models {
			if name := r.Models[i].Name; !slices.Contains(names, name) {
				names = append(names, name)
			}
		}
	}
	return names
}

// Row is the row of a model's format; nil when there is none.
func (r *Report) Row(model, format string) *Row {
	for _, row := range r.rowsOf(model) {
		if row.Format == format {
			return row
		}
	}
	return nil
}

// rowsOf are the artifacts of a model, most bits first.
func (r *Report) rowsOf(model string) []*Row {
	if m := r.model(model); m != nil {
		return m.sorted()
	}
	return nil
}

// model is the model of a name; nil when there is none.
func (r *Report) model(name string) *Model {
	for i := range r.Models {
		if r.Models[i].Name == name {
			return &r.Models[i]
		}
	}
	return nil
}

func changed(model string, was, is *Row, o paired.Options) Changed {
	c := Changed{Model: model, Format: cmp.Or(is, was).Format, Was: figures(was), Is: figures(is), was: was, is: is,
		share: math.NaN()}
	switch {
	case was == nil:
		c.Status = NewFile
	case is == nil:
		c.Status = GoneFile
	case is.SHA256 != "" && is.SHA256 == was.SHA256:
		c.Status = SameFile
	default:
		c.Status = Unlike
		new, old := is.divergence(), was.divergence()
		if t, ok := new.Against(old, o); ok {
			c.share = t.Mean / old.On(new)
			t.Difference = t.Rounded()
			c.Change, c.Status = &t, Alike
		}
	}
	return c
}

func figures(r *Row) *Figures {
	if r == nil {
		return nil
	}
	known := func(x float64) *float64 {
		if !finite(x) {
			return nil
		}
		return &x
	}
	return &Figures{r.SHA256, r.FileBytes, known(r.KLD), known(r.PPL), known(r.SameTop)}
}

// judge corrects the p-values together, and names what changed beyond the error and beyond rounding.
func (c *Comparison) judge(level float64) {
	p := make([]float64, len(c.Changes))
	for i, x := range c.Changes {
		p[i] = math.NaN()
		if x.Change != nil {
			p[i] = x.Change.P
		}
	}
	for i, corrected := range paired.Holm(p) {
		x := &c.Changes[i]
		if x.Change == nil {
			continue
		}
		x.Change.P = corrected
		switch beyond := corrected < 1-level; {
		case beyond && x.Change.Mean > 0:
			x.Status = Worse
		case beyond && x.Change.Mean < 0:
			x.Status = Better
		}
	}
}

// Summary says what changed, in whole sentences.
func (c *Comparison) Summary() []string {
	count := map[Status]int{}
	for _, x := range c.Changes {
		count[x.Status]++
	}
	both := len(c.Changes) - count[NewFile] - count[GoneFile]
	was, is := clean(c.Runs[len(c.Runs)-2]), clean(c.Runs[len(c.Runs)-1])
	out := []string{fmt.Sprintf("%s against %s, on %s: %s in both; better: %d, worse: %d, within error: %d, the same "+
		"byte for byte: %d.", is, was, clean(c.Text), formats.Several(both, "file"), count[Better],
		count[Worse], count[Alike], count[SameFile])}
	for _, some := range []struct {
		status Status
		words  string
	}{{Worse, "Worse: "}, {NewFile, "New: "}, {GoneFile, "No longer made: "}, {Unlike, "Not evaluated in both: "}} {
		if names := c.named(some.status); names != "" {
			out = append(out, some.words+names+".")
		}
	}
	for _, m := range c.models() {
		if a, b := c.reports[len(c.reports)-2].model(m), c.reports[len(c.reports)-1].model(m); a != nil && b != nil &&
			a.SourceHash != b.SourceHash {
			out = append(out, fmt.Sprintf("The source of %s is not the same in both: each divergence is from its own.", clean(m)))
		}
	}
	return out
}

// named lists the files of a status.
func (c *Comparison) named(s Status) string {
	var list []string
	for _, x := range c.Changes {
		if x.Status == s {
			list = append(list, clean(x.Model+" "+x.Format))
		}
	}
	return strings.Join(list, ", ")
}
