package report

import (
	"bytes"
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
		render(t, mdOf, r)
		render(t, Table, r)
		render(t, WriteJSON, r)
	})
}
