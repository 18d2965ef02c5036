package report

import (
	"bytes"
	"encoding/json"
	"io"
	"math"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"unicode/utf8"

	"bitmill/eval/paired"
)

// runsApart are two runs: in the second Q2_K is better, Q3_K_S is worse, Q4_K_M differs by chance, Q6_K is the same file,
// Q8_0 is gone and Q5_K_M is new; of BF16 nothing was measured.
func runsApart() (was, is *Report) {
	rng := rand.New(rand.NewPCG(1, 2))
	hard := make([]float64, 60)
	for i := range hard {
		hard[i] = math.Exp(rng.NormFloat64())
	}
	row := func(format, hash string, bits int64, kld float64) Row {
		r := Blank(format)
		r.SHA256, r.PayloadBits, r.FileBytes = hash, bits, bits/8+1000
		for _, h := range hard {
			r.WindowKLD = append(r.WindowKLD, kld*h*(1+.05*rng.NormFloat64()))
			r.WindowNLL = append(r.WindowNLL, 3)
		}
		r.KLD = mean(r.WindowKLD)
		r.KLDSE, r.PPL, r.SameTop = r.KLD/5, 20, .9
		return r
	}
	blank := Blank("BF16")
	blank.SHA256 = "b"
	text := TextInfo{Name: "evaluation.txt", SHA256: "5b", Context: 512, Windows: 60}
	was = &Report{Text: text, Models: []Model{{Name: "m " + hostile, Artifacts: []Row{row("Q8_0", "1", 9000, .0001),
		row("Q6_K", "2", 7000, .001), row("Q4_K_M", "3", 5000, .01), row("Q3_K_S", "4", 4000, .05), row("Q2_K", "5", 3000, .2), blank}}}}
	blank.SHA256 = "c"
	is = &Report{Text: text, Models: []Model{{Name: "m " + hostile, Artifacts: []Row{row("Q6_K", "2", 7000, .001),
		row("Q5_K_M", "6", 6000, .003), row("Q4_K_M", "7", 5000, .01), row("Q3_K_S", "8", 4000, .06), row("Q2_K", "9", 3000, .1), blank}}}}
	return was, is
}

func mean(x []float64) (sum float64) {
	for _, v := range x {
		sum += v / float64(len(x))
	}
	return sum
}

func TestCompare(t *testing.T) {
	was, is := runsApart()
	c, err := Compare([]*Report{was, is}, []string{"old", "new"}, paired.Options{})
	if err != nil {
		t.Fatal(err)
	}
	want := map[string]Status{"Q2_K": Better, "Q3_K_S": Worse, "Q4_K_M": Alike, "Q6_K": SameFile, "Q8_0": GoneFile,
		"Q5_K_M": NewFile, "BF16": Unlike}
	if len(c.Changes) != len(want) {
		t.Errorf("%d changes, not %d", len(c.Changes), len(want))
	}
	for _, x := range c.Changes {
		if x.Status != want[x.Format] {
			t.Errorf("%s: %s, not %s (%+v)", x.Format, x.Status, want[x.Format], x.Change)
		}
		if (x.Was == nil) != (x.Status == NewFile) || (x.Is == nil) != (x.Status == GoneFile) {
			t.Errorf("%s: was %v, is %v", x.Format, x.Was, x.Is)
		}
	}
	if s := strings.Join(c.Summary(), "\n"); !strings.Contains(s, "5 files in both; better: 1, worse: 1, within error: 1, "+
		"the same byte for byte: 1.") ||
		!strings.Contains(s, "No longer made: ") {
		t.Error(s)
	}
	var back Comparison
	data, err := json.Marshal(c)
	if err == nil {
		err = json.Unmarshal(data, &back)
	}
	if err != nil || len(back.Changes) != 7 || back.Changes[6].Is != nil && back.Changes[6].Is.KLD != nil {
		t.Errorf("%v: %s", err, data)
	}
	is.Text.SHA256 = "6c"
	if _, err := Compare([]*Report{was, is}, []string{"old", "new"}, paired.Options{}); err == nil ||
		!strings.Contains(err.Error(), "SHA-256 6c)") || !strings.Contains(err.Error(), "run both on the same text") {
		t.Errorf("two texts: %v", err)
	}
}

// TestComparedOnCommonWindows: a change is a share of what the divergence was on the windows that both have.
func TestComparedOnCommonWindows(t *testing.T) {
	was, is := runsApart()
	for _, r := range []*Report{was, is} {
		r.Models[0].Artifacts = r.Models[0].Artifacts[4:5] // Q2_K
	}
	old, now := &was.Models[0].Artifacts[0], &is.Models[0].Artifacts[0]
	for i := range 12 {
		old.WindowKLD[i] += .1
		now.WindowKLD[i] = old.WindowKLD[i] / 2
		now.Windows = append(now.Windows, i)
	}
	now.WindowKLD, now.WindowNLL = now.WindowKLD[:12], now.WindowNLL[:12]
	old.KLD, now.KLD = mean(old.WindowKLD), mean(now.WindowKLD)
	c, err := Compare([]*Report{was, is}, []string{"old", "new"}, paired.Options{})
	if err != nil {
		t.Fatal(err)
	}
	if s := string(form(t, c.Markdown)); !strings.Contains(s, "| -50.0 % |") {
		t.Error(s)
	}
	now.Windows = now.Windows[:3] // of a report that is damaged
	if c, err = Compare([]*Report{was, is}, []string{"old", "new"}, paired.Options{}); err != nil || c.Changes[0].Change == nil {
		t.Errorf("%v: %+v", err, c)
	}
}

// TestNothingChangedButRounding: what rounds to no change is none, and where the source is another one that is said.
func TestNothingChangedButRounding(t *testing.T) {
	was, is := runsApart()
	for i, r := range []*Report{was, is} {
		m := &r.Models[0]
		m.Artifacts, m.SourceHash = m.Artifacts[4:5], string(rune('a'+i))
		for k := range m.Artifacts[0].WindowKLD {
			m.Artifacts[0].WindowKLD[k] = 1e-10 * float64(1+i)
		}
	}
	c, err := Compare([]*Report{was, is}, []string{"old", "new"}, paired.Options{})
	if err != nil || c.Changes[0].Status != Alike {
		t.Fatalf("%v: %+v", err, c)
	}
	if s := strings.Join(c.Summary(), " "); !strings.Contains(s, "is not the same in both: each divergence is from its own.") {
		t.Error(s)
	}
}

// TestTrendOfManyFormats: of more formats than colours, those of the decision keep theirs and their names.
func TestTrendOfManyFormats(t *testing.T) {
	r, _ := runsApart()
	m := &r.Models[0]
	for _, name := range []string{"IQ4_XS", "IQ3_S", "IQ2_M", "IQ1_M"} {
		row := m.Artifacts[4]
		row.Format, row.PayloadBits, row.KLD = name, row.PayloadBits-int64(100*len(m.Artifacts)), row.KLD*1.5
		m.Artifacts = append(m.Artifacts, row)
	}
	c, err := Compare([]*Report{r, r, r}, []string{"1", "2", "3"}, paired.Options{})
	if err != nil {
		t.Fatal(err)
	}
	page := string(form(t, c.HTML))
	for _, row := range m.sorted() {
		if named := strings.Contains(page, ">"+row.Format+"</text>"); named != (m.focus()[row] && row.Compared()) {
			t.Errorf("%s: named %v", row.Format, named)
		}
	}
}

// TestComparisonOnATerminal fits into its width.
func TestComparisonOnATerminal(t *testing.T) {
	was, is := runsApart()
	c, err := Compare([]*Report{was, is, was, is}, []string{"the first", "the second", "the third", "the last"}, paired.Options{})
	if err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(string(form(t, c.Table))) {
		if n := utf8.RuneCountInString(line); n > width+1 {
			t.Errorf("%d columns: %s", n, line)
		}
	}
}

// TestComparisonForms: two runs make a chart of sizes, three a trend; names mean nothing in any form.
func TestComparisonForms(t *testing.T) {
	was, is := runsApart()
	for runs, chart := range map[int]string{2: "Divergence against file size", 3: "Divergence by run"} {
		reports := slices.Repeat([]*Report{was}, runs-1)
		names := append(slices.Repeat([]string{"old " + hostile}, runs-1), "new "+hostile)
		c, err := Compare(append(reports, is), names, paired.Options{})
		if err != nil {
			t.Fatal(err)
		}
		page := string(form(t, c.HTML))
		if !strings.Contains(page, chart) || !strings.Contains(page, "Q3_K_S") || strings.Contains(page, "<script") {
			t.Errorf("%d runs: a page without its chart, or with a script", runs)
		}
		if n := strings.Count(page, "<g class=\"mark\">"); n != strings.Count(page, "<g class=\"mark\">\n<title>") || n < 8 {
			t.Errorf("%d runs: %d marks, not all with titles", runs, n)
		}
		for _, write := range []func(io.Writer) error{c.Markdown, c.Table} {
			s := string(form(t, write))
			if !strings.Contains(s, "worse") || strings.Contains(s, "| <script>") || strings.Contains(s, "\x1b") {
				t.Error(s)
			}
		}
	}
}

func form(t *testing.T, write func(io.Writer) error) []byte {
	t.Helper()
	var b bytes.Buffer
	if err := write(&b); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}
