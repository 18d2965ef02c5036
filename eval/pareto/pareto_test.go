package pareto

import (
	"encoding/json"
	"math"
	"math/rand/v2"
	"strings"
	"testing"

	"bitmill/eval/paired"
)

// made are the files of a small and a large model: bytes, KLD and loss of each.
func made() []Candidate {
	rng := rand.New(rand.NewPCG(2, 2))
	hard := make([]float64, 40)
	for i := range hard {
		hard[i] = 3 + 0.5*rng.NormFloat64()
	}
	var out []Candidate
	model := func(name string, files ...[3]float64) {
		for i, x := range files {
			c := Candidate{Model: name, Format: []string{"BF16", "Q8_0", "Q4_K_M", "Q2_K"}[i], FileBytes: int64(x[0]), KVBytes: 1, KLD: x[1]}
			for _, h := range hard {
				v := (h + x[2] + 0.001*rng.NormFloat64()) / math.Ln2 / 4
				c.Series = append(c.Series, v)
				c.Loss += v / 40
			}
			out = append(out, c)
		}
	}
	model("small", [3]float64{1600, 0, 0}, [3]float64{850, 0.0001, 0.0001}, [3]float64{480, 0.01, 0.02}, [3]float64{320, 0.2, 0.3})
	model("large", [3]float64{6400, 0, -0.5}, [3]float64{3400, 0.0001, -0.4999}, [3]float64{1900, 0.01, -0.48}, [3]float64{1280, 0.1, -0.1})
	return out
}

// named is the model and format of a candidate.
func named(x *Candidate) string {
	if x == nil {
		return ""
	}
	return x.Model + " " + x.Format
}

// TestChoose: of each model the smallest file that is not worse than its best, the better model first.
func TestChoose(t *testing.T) {
	for _, c := range []struct {
		limits                      Limits
		large, nearest, small, best string
	}{
		{Limits{Memory: 10000}, "large Q8_0", "large BF16", "small Q8_0", "large Q8_0"},
		{Limits{Memory: 4000}, "large Q8_0", "large Q8_0", "small Q8_0", "large Q8_0"},
		{Limits{Memory: 2000}, "large Q4_K_M", "large Q4_K_M", "small Q8_0", "large Q4_K_M"},
		{Limits{Memory: 2000, Context: 200}, "large Q2_K", "large Q2_K", "small Q8_0", "large Q2_K"},
		{Limits{Memory: 1300, KLD: 0.05}, "", "", "small Q8_0", "small Q8_0"},
		{Limits{KLD: 0.05}, "large Q4_K_M", "large BF16", "small Q4_K_M", "large Q4_K_M"},
		{Limits{Memory: 100}, "", "", "", ""},
	} {
		got, err := Choose(made(), c.limits, paired.Options{Resamples: 300})
		if err != nil {
			t.Fatal(err)
		}
		if len(got.Answers) != 2 || got.Reason == "" || named(got.Best) != c.best {
			t.Errorf("%+v: %d answers, best %q: %s", c.limits, len(got.Answers), named(got.Best), got.Reason)
		}
		for _, a := range got.Answers {
			take, nearest := c.large, c.nearest
			if a.Model == "small" {
				take, nearest = c.small, named(a.Nearest)
			}
			if named(a.Take) != take || named(a.Nearest) != nearest || a.Reason == "" {
				t.Errorf("%+v: %q, nearest %q: %s; want %q, %q", c.limits, named(a.Take), named(a.Nearest), a.Reason, take, nearest)
			}
		}
	}
}

// TestContextOfTheModel: no more tokens count than the model was made for.
func TestContextOfTheModel(t *testing.T) {
	all := made()
	for i := range all {
		all[i].Most = 100
	}
	got, err := Choose(all, Limits{Memory: 10000, Context: 4096}, paired.Options{Resamples: 300})
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range got.Candidates {
		if c.Context != 100 || c.Memory != c.FileBytes+100 {
			t.Errorf("%s %s: %d tokens, %d bytes", c.Model, c.Format, c.Context, c.Memory)
		}
	}
}

func TestDominated(t *testing.T) {
	all := made()
	if err := Rank(all, paired.Options{}); err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, c := range all {
		if c.Dominated != "" {
			got = append(got, c.Model+" "+c.Format+" by "+c.Dominated)
		}
	}
	if s := strings.Join(got, "; "); s != "small BF16 by large Q2_K" {
		t.Error(s)
	}
}

func TestRefusals(t *testing.T) {
	other := made()
	other[3].Text = "b"
	if _, err := Choose(other, Limits{}, paired.Options{}); err == nil || !strings.Contains(err.Error(), "different texts") {
		t.Errorf("%v", err)
	}
	if _, err := Choose(nil, Limits{}, paired.Options{}); err == nil {
		t.Error("nothing was accepted")
	}
}

// TestUnmeasured: a divergence that was not measured is null, and within no limit.
func TestUnmeasured(t *testing.T) {
	all := made()
	for i := range all {
		all[i].KLD = math.NaN()
	}
	got, err := Choose(all, Limits{Memory: 1 << 20}, paired.Options{})
	if err != nil || got.Best == nil || !strings.Contains(got.Reason, "KLD not measured") {
		t.Fatal(got, err)
	}
	text, err := json.Marshal(got)
	if err != nil || !strings.Contains(string(text), `"kld":null`) || !strings.Contains(string(text), `"fits":true`) {
		t.Errorf("%s %v", text, err)
	}
	if got, err = Choose(all, Limits{KLD: 1}, paired.Options{}); err != nil || got.Best != nil {
		t.Errorf("%+v %v", got, err)
	}
	if text, err = json.Marshal(made()[1]); err != nil || !strings.Contains(string(text), `"kld":0.0001`) {
		t.Errorf("%s %v", text, err)
	}
}

// TestMemoryOverflow: keys and values that no integer holds do not fit.
func TestMemoryOverflow(t *testing.T) {
	got, err := Choose(made(), Limits{Memory: 1 << 20, Context: math.MaxInt64}, paired.Options{})
	if err != nil || got.Best != nil || got.Candidates[0].Memory != math.MaxInt64 {
		t.Errorf("%+v %v", got, err)
	}
}

// Memory grows by the token, in layers with a window up to its length only.
func TestMemory(t *testing.T) {
	c := Candidate{FileBytes: 1000, KVBytes: 10, Window: 4, WindowBytes: 6, StateBytes: 50}
	for tokens, want := range map[int64]int64{0: 1000, 1: 1060, 4: 1090, 5: 1094, 100: 1000 + 50 + 400 + 24} {
		if got := c.MemoryWith(tokens); got != want {
			t.Errorf("%d tokens: %d bytes, want %d", tokens, got, want)
		}
	}
	c.WindowBytes, c.Window = math.MaxInt64, -5
	if got := c.MemoryWith(math.MaxInt64 / 100); got < 0 {
		t.Errorf("%d bytes", got)
	}
}
