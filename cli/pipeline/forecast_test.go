package pipeline

import (
	"fmt"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"bitmill/eval/infer"
	"bitmill/formats/checkpoint"
	"bitmill/formats/checkpoint/checkpointtest"
	"bitmill/quantize"
)

// TestForecastIsTheRun: a run begins the steps that were forecast, in their order, and they have as much work.
func TestForecastIsTheRun(t *testing.T) {
	smallBench(t)
	for name, change := range map[string]func(o *Options){
		"formats":  func(*Options) {},
		"mixes":    func(o *Options) { o.Targets = []quantize.Target{{BPW: 5}, {BPW: 7}} },
		"no floor": func(o *Options) { o.NoNoiseFloor = true },
		"tasks":    func(o *Options) { o.Tasks = []string{questions(t)} },
		"bench":    func(o *Options) { o.Bench = true },
		"imatrix":  func(o *Options) { o.NoImatrix = true },
		"chosen": func(o *Options) {
			o.Recipe.Method, o.Recipe.Types, o.Formats = quantize.Feedback, quantize.TypesChosen, []string{"Q4_0"}
		},
		"feedback": func(o *Options) { o.Recipe.Method, o.Formats = quantize.Feedback, []string{"Q4_0"} },
	} {
		t.Run(name, func(t *testing.T) {
			o := options(t, llama(t))
			change(&o)
			s, r := mustRun(t, o)
			if s.Path == "" || r.forecast == nil {
				t.Fatal("nothing was forecast")
			}
			seconds := 0.0
			for _, f := range r.forecast.Steps {
				i := slices.IndexFunc(r.steps, func(b ForecastStep) bool { return b.What == f.What })
				switch {
				case i < 0:
					t.Errorf("%q was forecast, but not begun: %+v", f.What, r.steps)
				case r.steps[i].Unit != f.Unit || !nearly(r.steps[i].Total, f.Total, 0.01):
					t.Errorf("%q had %d %s, and %d %s were forecast", f.What, r.steps[i].Total, r.steps[i].Unit, f.Total, f.Unit)
				case !(f.Seconds >= 0):
					t.Errorf("%q takes %v seconds", f.What, f.Seconds)
				}
				seconds += f.Seconds
			}
			for _, b := range r.steps {
				known := slices.ContainsFunc(r.forecast.Steps, func(f ForecastStep) bool { return b.What == f.What })
				if !known && b.Total > 0 && !strings.HasPrefix(b.What, "load ") {
					t.Errorf("%q was not forecast", b.What)
				}
			}
			if seconds != r.forecast.Seconds || seconds == 0 {
				t.Errorf("%v seconds, the steps have %v", r.forecast.Seconds, seconds)
			}
			share := 0.0
			if o.Targets != nil || o.Recipe.Types != "" {
				share = 0.05
			}
			for i, f := range r.forecast.Files {
				if i >= len(s.Report.Models[0].Artifacts) {
					t.Fatalf("%d files were forecast, %d made", len(r.forecast.Files), len(s.Report.Models[0].Artifacts))
				}
				a := s.Report.Models[0].Artifacts[i]
				if f.Format != a.Format || filepath.Base(f.Path) != filepath.Base(a.Path) ||
					!nearly(f.Bytes, a.FileBytes, share) {
					t.Errorf("%+v was forecast, %s has %d bytes", f, a.Path, a.FileBytes)
				}
			}
		})
	}
}

// questions is a file of them.
func questions(t *testing.T) string {
	path := filepath.Join(t.TempDir(), "q.jsonl")
	text := ""
	for i := range 40 {
		text += fmt.Sprintf("{\"context\": \"He took %d\", \"choices\": [\" books\", \" of the\"], \"answer\": %d}\n", i, i%2)
	}
	if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
	return path
}

// nearly reports whether two numbers differ by no more than a share.
func nearly(got, want int64, share float64) bool {
	return math.Abs(float64(got-want)) <= share*float64(max(got, want))
}

// TestPassCountsProducts: the products of a pass, by which a forecast counts, are those that the engine makes, within a
// tenth: of models with experts too.
func TestPassCountsProducts(t *testing.T) {
	for _, name := range []string{"llama", "qwen3-moe", "gemma3", "deepseek-v2", "granite-moe", "bamba"} {
		c, err := checkpoint.Open(checkpointtest.Load(t, name).FolderWithTokenizer(t))
		if err != nil {
			t.Fatal(name, err)
		}
		m := &Model{Checkpoint: c}
		defer m.Close()
		if err := m.Load(); err != nil {
			t.Fatal(name, err)
		}
		layers, head := 0.0, 0.0
		pool := Session{Threads: 1}.Pool()
		defer pool.Close()
		runner := infer.NewRunner(pool, infer.Options{Observe: func(w *infer.Linear, _ []float32, n int) {
			if made := float64(w.Rows) * float64(w.Cols) * float64(n); w == m.Engine.Output() {
				head += made
			} else {
				layers += made
			}
		}})
		tokens := make([]int32, 32)
		for i := range tokens {
			tokens[i] = int32(7 * i)
		}
		if _, err := runner.Forward(m.Engine, []infer.Sequence{{Tokens: tokens}}); err != nil {
			t.Fatal(name, err)
		}
		p := (&job{source: m}).sourcePass()
		for part, x := range map[string][2]float64{
			"layers": {32 * sum(p.layers), layers}, "head": {32 * sum(p.head), head},
		} {
			if x[0] < 0.9*x[1] || x[0] > 1.1*x[1] || x[1] == 0 {
				t.Errorf("%s: %s: %v products, the engine makes %v", name, part, x[0], x[1])
			}
		}
	}
}

// TestClock: what is left is the forecast, corrected by the pace so far.
func TestClock(t *testing.T) {
	f := new(Forecast)
	f.add("a", "units", 10, 100)
	f.add("b", "units", 10, 50)
	f.add("c", "units", 100, 50)
	start := time.Unix(0, 0)
	at := func(s float64) time.Time { return start.Add(time.Duration(s * float64(time.Second))) }
	near := func(what string, got time.Duration, want float64) {
		t.Helper()
		if s := got.Seconds(); s < 0.9*want || s > 1.1*want {
			t.Errorf("%s: %.0f seconds are left, want %.0f", what, s, want)
		}
	}
	c := NewClock(f)
	near("before", c.Left(at(0)), 200)
	c.Begin("a", at(0))
	near("begun", c.Left(at(0)), 200)
	near("without progress", c.Left(at(50)), 150)
	c.Set(5, 10)
	near("at half the pace", c.Left(at(100)), 300)
	c.Done(at(200))
	near("one done", c.Left(at(200)), 200)
	c.Begin("c", at(200)) // b was done by an earlier run
	near("skipped", c.Left(at(200)), 100)
	c.Set(5, 20) // a fifth of the work that was forecast
	near("less to do", c.Left(at(205)), 15)
	c.Begin("unknown", at(220))
	near("the end", c.Left(at(220)), 0)
	c.Set(1, 2)
	c.Done(at(230))
}

// TestAbout: durations in words.
func TestAbout(t *testing.T) {
	for d, want := range map[time.Duration]string{
		0: "1 s", 45 * time.Second: "45 s", 100 * time.Second: "2 min", 80 * time.Minute: "80 min",
		200 * time.Minute: "3 h 20 min", 599 * time.Minute: "10 h 00 min", 50 * time.Hour: "50 h",
	} {
		if got := About(d); got != want {
			t.Errorf("%v: %q, want %q", d, got, want)
		}
	}
}
