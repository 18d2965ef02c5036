package eval

import (
	"fmt"
	"math"
	"strings"
	"testing"

	"bitmill/formats/corpus"
	"bitmill/formats/demo"
)

func TestOverlap(t *testing.T) {
	words := func(name string, n int) string {
		var b strings.Builder
		for i := range n {
			fmt.Fprintf(&b, "%s%d ", name, i)
		}
		return b.String()
	}
	own, other := words("a", 1000), words("b", 1000)
	for _, c := range []struct {
		what, calibration, evaluation string
		want                          float64
	}{
		{"apart", own, other, 0},
		{"the same", own, own, 1},
		{"the same, in other clothes", own, strings.ToUpper(strings.ReplaceAll(own, " ", ", \n")), 1},
		{"half", own, own + other, float64(1000-12) / (2000 - 12)},
		{"twelve words in common", words("a", 12) + words("c", 500), other + words("a", 12), 0},
		{"too short", "one two", own, 0},
		{"nothing", "", "", 0},
	} {
		if got := Overlap(c.calibration, c.evaluation); math.Abs(got-c.want) > 1e-9 {
			t.Errorf("%s: %v, want %v", c.what, got, c.want)
		}
	}
	if got := Overlap(demo.Calibration, demo.Evaluation); got > 0.001 {
		t.Errorf("the demo's texts overlap: %v", got)
	}
	if got := Overlap(corpus.Calibration(), corpus.Evaluation()); got != 0 {
		t.Errorf("the built-in texts overlap: %v", got)
	}
}

// TestOverlapOfLongTexts samples, and still finds the share.
func TestOverlapOfLongTexts(t *testing.T) {
	var b strings.Builder
	for i := range 2_000_000 {
		fmt.Fprintf(&b, "%x ", i*2654435761%4294967291)
	}
	long := b.String()
	half := long[:len(long)/2]
	if got := Overlap(half, long); math.Abs(got-0.5) > 0.02 {
		t.Errorf("%v, want about a half", got)
	}
}
