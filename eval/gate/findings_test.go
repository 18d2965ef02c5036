package gate

import (
	"math"
	"strings"
	"testing"
)

// TestBaselineOfBits: a longer text in the metadata of a file, the name of the calibration text, is not a regression; one
// more bit of its tensors is, and is told in whole numbers.
func TestBaselineOfBits(t *testing.T) {
	old, now := made(0.01, 0), made(0.01, 0)
	for i := range now.Models[0].Artifacts {
		old.Models[0].Artifacts[i].PayloadBits += 3_758_240 * 8
		now.Models[0].Artifacts[i].PayloadBits += 3_758_240 * 8
		now.Models[0].Artifacts[i].FileBytes += 32
	}
	got, err := Check(now, old, BaselineRules(), Options{})
	if err != nil || !got.Passed {
		t.Errorf("a longer name in the metadata: %v %+v", err, got)
	}
	now.Models[0].Artifacts[1].PayloadBits++
	got, err = Check(now, old, BaselineRules(), Options{})
	const want = "payload_bits is 30070721, beyond the limit of 30070720. The baseline has 30070720."
	if f := got.Findings[0]; err != nil || got.Passed || f.Format != "Q4_K_M" || f.Reason != want {
		t.Errorf("one more bit: %v %+v", err, got.Findings)
	}
	got, err = Check(now, old, rules(t, "rules: [{metric: file_bytes, worse: 0}, {metric: file_bytes, max: 7e9}]"), Options{})
	if err != nil || got.Passed || !strings.HasPrefix(got.Findings[0].Reason, "file_bytes is 1032, beyond the limit of 1000.") ||
		got.Findings[3].Rule != "file_bytes at most 7000000000" {
		t.Errorf("a rule on the file's bytes: %v %+v", err, got.Findings)
	}
}

// TestFailuresFirst: findings that fail stand before the others, and the count says how many of each there are.
func TestFailuresFirst(t *testing.T) {
	got, err := Check(made(0.01, 0), nil, rules(t, "rules: [{metric: kld, max: 0.02}, {metric: kld, max: 0.00995}, "+
		"{metric: kld_p90, max: 1}, {metric: bpw, format: Q4*, max: 4}]"), Options{})
	if err != nil {
		t.Fatal(err)
	}
	var order []string
	for _, f := range got.Findings {
		order = append(order, string(f.Status))
	}
	const want = "broken, missing, missing, within error, within error, ok, ok"
	if s := strings.Join(order, ", "); s != want {
		t.Errorf("%s, not %s", s, want)
	}
	if s := got.Count(); s != "7 findings: 1 broken, 2 missing, 2 within error, 2 ok" {
		t.Error(s)
	}
}

// TestNumbersThatDiffer: two values that differ do not look alike.
func TestNumbersThatDiffer(t *testing.T) {
	for _, c := range []struct {
		a, b float64
		want string
	}{
		{3758592, 3758560, "3758592 3758560"}, {4.80000012, 4.8, "4.8000001 4.8"}, {0.00995001, 0.00995, "0.00995001 0.00995"},
		{1, 1, "1 1"}, {0.5, 0.25, "0.5 0.25"}, {math.Nextafter(1, 2), 1, "1.0000000000000002 1"}, {1e300, 2, "1e+300 2"},
	} {
		if a, b := numbers(c.a, c.b); a+" "+b != c.want {
			t.Errorf("%s %s, not %s", a, b, c.want)
		}
	}
	if s := (Change{0.007, true}).String(); s != "0.7 %" {
		t.Error(s)
	}
}
