package report

import (
	"bytes"
	"encoding/json"
	"encoding/xml"
	"flag"
	"io"
	"math"
	"math/rand/v2"
	"os"
	"path/filepath"
	"reflect"
	"regexp"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"bitmill/eval/paired"
	"bitmill/eval/score"
	"bitmill/eval/threshold"
)

var update = flag.Bool("update", false, "rewrite testdata from what the package writes now")

// renderings are the writers under test by file extension.
var renderings = map[string]func(io.Writer, *Report) error{"json": WriteJSON, "md": mdOf, "html": htmlOf, "txt": Table}

func mdOf(w io.Writer, r *Report) error   { return Markdown(w, r, testColophon(r)) }
func htmlOf(w io.Writer, r *Report) error { return HTML(w, r, testColophon(r)) }

// testColophon is a run's with a verdict, or of a report alone.
func testColophon(r *Report) Colophon {
	if len(r.Models) < 2 {
		return Colophon{}
	}
	return Colophon{Finished: time.Date(2026, 11, 30, 18, 10, 0, 0, time.UTC), Seconds: 95.2, Build: "bitmill 0.3.0, commit 0123456789ab",
		Processor: "Processor " + hostile, Threads: 2, Kernel: "avx512", Command: "bitmill run --output 'a b' --budget b.yaml " + hostile,
		Verdict: &Verdict{Count: "2 findings: 1 broken, 1 ok", Findings: []Finding{
			{"kld at most 0.01", hostile, "Q2_K", "broken", "kld is 0.4, beyond the limit of 0.01.", true, false},
			{"kld at most 0.01", "small", "Q8_0", "ok", "kld is 0.0014.", false, false}}}}
}

func render(t testing.TB, write func(io.Writer, *Report) error, r *Report) []byte {
	t.Helper()
	var b bytes.Buffer
	if err := write(&b, r); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func TestGolden(t *testing.T) {
	for name, r := range map[string]*Report{"demo": demoReport(t), "odd": oddReport()} {
		for ext, write := range renderings {
			got := render(t, write, r)
			path := filepath.Join("testdata", name+"."+ext+".golden")
			if *update {
				if err := os.WriteFile(path, got, 0o644); err != nil {
					t.Fatal(err)
				}
			}
			want, err := os.ReadFile(path)
			if err != nil {
				t.Fatal(err)
			}
			if !bytes.Equal(got, want) {
				t.Errorf("%s differs; look at the difference after go test -update", path)
			}
			if again := render(t, write, r); !bytes.Equal(got, again) {
				t.Errorf("%s: two runs differ", path)
			}
		}
	}
}

// same is reflect.DeepEqual with NaN equal to itself, and any other number that is not finite read back as NaN.
func same(a, b reflect.Value) bool {
	switch a.Kind() {
	case reflect.Float64:
		return a.Float() == b.Float() || !finite(a.Float()) && math.IsNaN(b.Float())
	case reflect.Struct:
		for i := range a.NumField() {
			if a.Field(i).CanInterface() && !same(a.Field(i), b.Field(i)) {
				return false
			}
		}
		return true
	case reflect.Slice:
		if a.Len() != b.Len() {
			return false
		}
		for i := range a.Len() {
			if !same(a.Index(i), b.Index(i)) {
				return false
			}
		}
		return true
	}
	return reflect.DeepEqual(a.Interface(), b.Interface())
}

func TestRoundTrip(t *testing.T) {
	for _, r := range []*Report{demoReport(t), oddReport(), {Schema: Schema}} {
		data := render(t, WriteJSON, r)
		back, err := ReadJSON(bytes.NewReader(data))
		if err != nil {
			t.Fatal(err)
		}
		for i := range r.Models { // what JSON leaves out or derives
			rows := []*Row{&r.Models[i].Source}
			for k := range r.Models[i].Artifacts {
				rows = append(rows, &r.Models[i].Artifacts[k])
			}
			for _, row := range rows {
				row.BPW = bpwOf(row.PayloadBits, row.Weights)
				if row.Seconds == nil {
					row.Seconds = Seconds{}
				}
				delete(row.Seconds, "none")
				for k, v := range row.Seconds {
					if !finite(v) {
						delete(row.Seconds, k)
					}
				}
			}
		}
		if !same(reflect.ValueOf(*r), reflect.ValueOf(*back)) {
			t.Errorf("%s\nread back as\n%s", data, render(t, WriteJSON, back))
		}
		if second := render(t, WriteJSON, back); !bytes.Equal(data, second) {
			t.Errorf("written again it differs:\n%s\n%s", data, second)
		}
	}
}

func TestJSONHasNullForNaN(t *testing.T) {
	data := render(t, WriteJSON, oddReport())
	if !json.Valid(data) {
		t.Fatal("not JSON")
	}
	var r struct {
		Models []struct{ Artifacts []map[string]any }
	}
	if err := json.Unmarshal(data, &r); err != nil {
		t.Fatal(err)
	}
	broken := r.Models[0].Artifacts[4]
	for _, field := range []string{"ppl", "kld", "kld_se"} {
		if v, ok := broken[field]; !ok || v != nil {
			t.Errorf("%s is %v", field, v)
		}
	}
	if s := broken["chunk_kld"].([]any); len(s) != 2 || s[0] != 1.0 || s[1] != nil {
		t.Errorf("chunk_kld is %v", s)
	}
	if broken["bpw"] != "1.0000" {
		t.Errorf("bpw is %v", broken["bpw"])
	}
	var row Row
	if err := json.Unmarshal([]byte(`{"format":"X","kld":0}`), &row); err != nil || !math.IsNaN(row.PPL) || row.KLD != 0 {
		t.Errorf("%v %+v: a missing number must read as NaN", err, row)
	}
}

// Every field of the schema has a name in snake_case.
func TestFieldNames(t *testing.T) {
	snake := regexp.MustCompile(`^[a-z][a-z0-9]*(_[a-z0-9]+)*$`)
	var walk func(t0 reflect.Type)
	walk = func(t0 reflect.Type) {
		switch t0.Kind() {
		case reflect.Slice, reflect.Pointer:
			walk(t0.Elem())
		case reflect.Struct:
			for i := range t0.NumField() {
				f := t0.Field(i)
				if f.IsExported() && !f.Anonymous {
					if name, _, _ := strings.Cut(f.Tag.Get("json"), ","); !snake.MatchString(name) {
						t.Errorf("%s.%s is %q in JSON", t0.Name(), f.Name, name)
					}
				}
				walk(f.Type)
			}
		}
	}
	walk(reflect.TypeFor[Report]())
}

func TestReadJSONRefuses(t *testing.T) {
	for text, want := range map[string]string{
		"":                        "not a report.json",
		"[1]":                     "not a report.json",
		`{"models":[]}`:           `no field "schema"`,
		`{"schema":2}`:            "schema 2",
		`{"schema":1,"models":7}`: "report.json",
		`{"schema":1} trailing`:   "not a report.json",
		`{"schema":1,"models":[{"source":{"ppl":"x"}}]}`: "report.json",
	} {
		if r, err := ReadJSON(strings.NewReader(text)); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: %v, %v", text, r, err)
		}
	}
}

func TestSummary(t *testing.T) {
	s := Summary(demoReport(t))
	if len(s) != 2 || !strings.HasPrefix(s[0], "Deploy demo-s-Q4_K_M.gguf (2.38 MB, 2.92 times smaller): good. The same") {
		t.Errorf("%q: which files to deploy, and nothing of a budget that nobody gave or an economy not located", s)
	}
	r := demoReport(t)
	r.Models = r.Models[:1]
	r.Models[0].Fidelity.Budget = 1e-5
	if s := Summary(r); len(s) != 2 || !strings.HasPrefix(s[1], "No format is within 1e-05 nats of the source; the nearest is Q8_0 (8.51 BPW, 3.76 MB), KLD 0.000202 ± 0.000001") {
		t.Errorf("%q", s)
	}
	r.Models[0].Fidelity.Budget = 0.0805 // Q2_K has 0.0799 ± 0.0005
	const doubt = "That is within the error of the limit."
	if s := Summary(r); !strings.HasPrefix(s[0], "Deploy demo-s-Q2_K.gguf") || !strings.HasPrefix(s[1], "Q2_K") || !strings.Contains(s[1], doubt) {
		t.Errorf("%q", s)
	}
	r.Models[0].Fidelity.Budget = 0.081
	if s := Summary(r)[1]; !strings.HasPrefix(s, "Q2_K") || strings.Contains(s, doubt) {
		t.Error(s)
	}
	if s := Summary(&Report{}); len(s) != 1 || s[0] != "Nothing was measured." {
		t.Errorf("%q", s)
	}
	r = demoReport(t)
	r.Economy[0].Status, r.Economy[0].BPW, r.Economy[0].Low, r.Economy[0].High = threshold.Located, 3.4, 3.2, 3.6
	if s := Summary(r); len(s) != 3 || s[2] != "Below 3.40 bits per weight of demo-l (between 3.20 and 3.60) take demo-s instead: it is the better use of as many bytes." {
		t.Errorf("%q", s)
	}
}

func TestTableFits(t *testing.T) {
	for _, r := range []*Report{demoReport(t), oddReport()} {
		text := string(render(t, Table, r))
		for _, line := range strings.Split(text, "\n") {
			if n := utf8.RuneCountInString(line); n > 100 {
				t.Errorf("%d columns: %s", n, line)
			}
		}
		if strings.ContainsAny(text, "\x1b\r") {
			t.Error("a control character got through")
		}
	}
}

// The page needs nothing from outside, and what users named cannot act in it.
func TestHTMLIsSelfContainedAndSafe(t *testing.T) {
	for plots, r := range map[int]*Report{4: demoReport(t), 22: oddReport()} {
		s := string(render(t, htmlOf, r))
		if m := regexp.MustCompile(`(?i)<script|<link|<img|<iframe|src=|url\(|@import|\son\w+=|<\?xml`).FindString(s); m != "" {
			t.Errorf("the page holds %q", m)
		}
		if n := strings.Count(s, "<svg"); n != plots || strings.Count(s, "</svg>") != n {
			t.Errorf("%d plots, not %d", n, plots)
		}
		for _, plot := range regexp.MustCompile(`(?s)<svg.*?</svg>`).FindAllString(s, -1) {
			d := xml.NewDecoder(strings.NewReader(plot))
			for {
				if _, err := d.Token(); err == io.EOF {
					break
				} else if err != nil {
					t.Fatalf("the plot is not well-formed: %v", err)
				}
			}
		}
	}
}

// Blank must not forget a measurement that is added later.
func TestBlankIsNaN(t *testing.T) {
	v := reflect.ValueOf(Blank("X"))
	for _, field := range reflect.VisibleFields(v.Type()) {
		f := v.FieldByIndex(field.Index)
		if f.Kind() == reflect.Float64 && field.Name != "FallbackShare" && !math.IsNaN(f.Float()) {
			t.Errorf("%s is %v", field.Name, f)
		}
	}
	if r := Blank("X"); r.Measured() || r.Compared() || r.Format != "X" {
		t.Errorf("%+v", r)
	}
}

// Lists are never null: jq '.models[].warnings[]' works on any report.
func TestListsAreNotNull(t *testing.T) {
	r := &Report{Models: []Model{{Source: Blank("F16")}}, Economy: []threshold.Economy{{}}}
	for _, field := range []string{"models", "economy", "warnings", "artifacts", "smaller", "comparisons"} {
		if s := string(render(t, WriteJSON, r)); strings.Contains(s, `"`+field+`": null`) || !strings.Contains(s, `"`+field+`": [`) {
			t.Errorf("%s is not a list in %s", field, s)
		}
	}
}

// A report without models, and one with a plan only, must not fail anywhere.
func TestPoorReports(t *testing.T) {
	plan := &Report{Models: []Model{{Name: "m", Source: Row{Format: "BF16"}, Artifacts: []Row{{Format: "Q4_0", PayloadBits: 45, Weights: 10, FileBytes: 100, Text: score.Unmeasured()}}}}}
	zero := &Report{Models: []Model{{Artifacts: []Row{{}}}}}
	for _, r := range []*Report{{}, plan, zero} {
		for ext, write := range renderings {
			if s := string(render(t, write, r)); strings.Contains(s, "NaN") || len(s) == 0 {
				t.Errorf("%s: %s", ext, s)
			}
		}
	}
	if s := string(render(t, Table, plan)); !strings.Contains(s, "Q4_0") || !strings.Contains(s, "4.5000") {
		t.Error(s)
	}
}

// Whatever numbers a report holds, it fits, renders and reads back.
func TestExtremeNumbers(t *testing.T) {
	rng := rand.New(rand.NewPCG(3, 4))
	floats := []float64{0, -1, 1, .05, 58.7, 5e-324, 1e308, -1e308, math.NaN(), math.Inf(1), math.Inf(-1)}
	ints := []int64{0, -1, 1, 1000, 1 << 40, math.MaxInt64, math.MinInt64}
	fill := func(v any) {
		s := reflect.ValueOf(v).Elem()
		for _, field := range reflect.VisibleFields(s.Type()) {
			switch f := s.FieldByIndex(field.Index); f.Kind() {
			case reflect.Float64:
				f.SetFloat(floats[rng.IntN(len(floats))])
			case reflect.Int64, reflect.Int:
				f.SetInt(ints[rng.IntN(len(ints))])
			case reflect.Slice:
				if f.Type() == reflect.TypeFor[score.Series]() && rng.IntN(2) == 0 {
					series := make(score.Series, 12)
					for k := range series {
						series[k] = floats[rng.IntN(7)]
					}
					f.Set(reflect.ValueOf(series))
				}
			}
		}
	}
	for range 400 {
		r := &Report{}
		for range 2 {
			m := Model{Family: "f", Vocabulary: "v", Artifacts: make([]Row, 3)}
			fill(&m)
			fill(&m.Source)
			for i := range m.Artifacts {
				fill(&m.Artifacts[i])
			}
			r.Models = append(r.Models, m)
		}
		r.Fit(threshold.Options{Options: paired.Options{Resamples: 20}, Budget: floats[rng.IntN(len(floats))]})
		for _, write := range renderings {
			render(t, write, r)
		}
		if _, err := ReadJSON(bytes.NewReader(render(t, WriteJSON, r))); err != nil {
			t.Fatal(err)
		}
	}
}

func TestWords(t *testing.T) {
	for _, c := range []struct{ got, want string }{
		{size(0), "–"}, {size(950), "950 B"}, {size(999_600), "1.00 MB"}, {size(4_600_000), "4.60 MB"}, {size(12_399_872), "12.4 MB"}, {size(123_400_000_000), "123 GB"},
		{measure(.079868, .000493, false), "0.0799 ± 0.0005"}, {measure(.000202, 1e-6, false), "0.000202 ± 0.000001"},
		{measure(.004629, .000531, true), "+0.0046 ± 0.0005"}, {measure(.078717, .002296, true), "+0.0787 ± 0.0023"}, {measure(-.01, .0014, true), "-0.0100 ± 0.0014"}, {measure(math.NaN(), 1, false), "–"},
		{measure(0, 0, false), "0"}, {measure(.0123, math.NaN(), false), "0.0123"}, {measure(1e300, 0, false)[:1], "1"},
		{escape("Q4_K_M"), "Q4_K_M"}, {escape("_a|b"), `\_a\|b`}, {escape("# x"), `\# x`}, {escape("+0.1"), "+0.1"},
		{clean("a\x1b[1m\nb"), "a\uFFFD[1m\uFFFDb"},
	} {
		if c.got != c.want {
			t.Errorf("%q, not %q", c.got, c.want)
		}
	}
}
