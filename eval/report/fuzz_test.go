package report

import (
	"bytes"
	"encoding/json"
	"regexp"
	"testing"
	"unicode/utf8"

	"bitmill/eval/paired"
	"bitmill/eval/threshold"
)

var active = regexp.MustCompile(`(?i)<script|<img|<iframe|<svg[^>]* on|javascript:`)

// FuzzReadJSON: what is accepted can be rendered, refitted, and written again to the same bytes. Its seeds
// are long: run it with -fuzzminimizetime 5x.
func FuzzReadJSON(f *testing.F) {
	for _, r := range []*Report{demoReport(f), oddReport(), {}} {
		f.Add(render(f, WriteJSON, r))
	}
	f.Add([]byte(`{"schema":1,"models":[{"artifacts":[{"ppl":1e308,"kld":1e-320,"file_bytes":9223372036854775807,"payload_bits":9223372036854775807,"weights":1}]},{"source":{"ppl":5e-324,"file_bytes":1}}]}`))
	f.Add([]byte(`{"schema":1,"models":[{"name":"m","artifacts":[{"format":"A","ppl":2,"kld":1e-310,"kld_se":1e99,"chunk_kld":[1,2,3,4,5,6,7,8,9,10,11],"chunk_numbers":[7,-1],"file_bytes":-5}]}]}`))
	f.Fuzz(func(t *testing.T, data []byte) {
		r, err := ReadJSON(bytes.NewReader(data))
		if err != nil {
			return
		}
		first := render(t, WriteJSON, r)
		back, err := ReadJSON(bytes.NewReader(first))
		if err != nil {
			t.Fatal(err)
		}
		if second := render(t, WriteJSON, back); !bytes.Equal(first, second) {
			t.Fatalf("%s\n%s", first, second)
		}
		r.Fit(threshold.Options{Options: paired.Options{Resamples: 50}})
		page := render(t, htmlOf, r)
		if m := active.Find(page); m != nil || !utf8.Valid(page) {
			t.Fatalf("the page holds %q", m)
		}
		besideItself(t, r)
		render(t, mdOf, r)
		render(t, Table, r)
		render(t, WriteJSON, r)
	})
}

// besideItself compares a report with itself, in all forms.
func besideItself(t *testing.T, r *Report) {
	t.Helper()
	c, err := Compare([]*Report{r, r, r}, []string{"old", "newer", "new"}, paired.Options{Resamples: 50})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := json.Marshal(c); err != nil {
		t.Fatal(err)
	}
	if m := active.Find(form(t, c.HTML)); m != nil {
		t.Fatalf("the page holds %q", m)
	}
	form(t, c.Markdown)
	form(t, c.Table)
}
