package pipeline

import (
	"context"
	"errors"
	"math"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"

	"bitmill/eval/report"
	"bitmill/eval/threshold"
	"bitmill/formats/demo"
)

// probeFiles lists the files of probes below a folder of outputs.
func probeFiles(t *testing.T, out string) (names []string) {
	t.Helper()
	for _, pattern := range []string{"m/.bitmill/*.gguf*", "m/*bpw.gguf"} {
		found, err := filepath.Glob(filepath.Join(out, pattern))
		if err != nil {
			t.Fatal(err)
		}
		for _, f := range found {
			names = append(names, filepath.Base(f))
		}
	}
	return names
}

// between is a budget that is crossed well below the lowest format of a run.
func between(t *testing.T, o Options) float64 {
	t.Helper()
	s, _ := mustRun(t, o)
	rows := s.Report.Models[0].Artifacts
	return 4 * rows[len(rows)-1].KLD
}

// TestLocate: the fidelity threshold comes to lie between probes, whose files are gone unless they are kept; another
// run measures nothing.
func TestLocate(t *testing.T) {
	o := options(t, llama(t))
	o.KLDBudget = between(t, o)
	o.Out, o.Locate = t.TempDir(), Thresholds()
	s, r := mustRun(t, o)
	m := s.Report.Models[0]
	if !slices.Contains(r.done, "locate m") || len(m.Probes) == 0 || !slices.Equal(m.Searched, []string{"fidelity"}) {
		t.Fatalf("did %q: %d probes for %q; %q", r.done, len(m.Probes), m.Searched, r.warnings)
	}
	l := s.Report.Located
	if len(l) != 1 || !l[0].Located || l[0].Misses <= 0 || !(l[0].Misses < l[0].Meets) || l[0].Probes != len(m.Probes) {
		t.Fatalf("%+v", l)
	}
	if !m.Fidelity.Located || m.Fidelity.BPW > 4.5 {
		t.Errorf("%+v", m.Fidelity)
	}
	if names := probeFiles(t, o.Out); names != nil {
		t.Errorf("probes were left: %q", names)
	}
	first := outputs(t, o.Out)
	if _, r := mustRun(t, o); len(r.done) > 0 || !reflect.DeepEqual(outputs(t, o.Out), first) {
		t.Errorf("a second run did %q", r.done)
	}
	o.KeepProbes = true
	kept, _ := mustRun(t, o)
	for _, p := range kept.Report.Models[0].Probes {
		if st, err := os.Stat(filepath.Join(o.Out, filepath.FromSlash(p.Path))); err != nil || st.Size() != p.FileBytes {
			t.Errorf("%s: %v", p.Path, err)
		}
	}
	if _, r := mustRun(t, o); len(r.done) > 0 || r.warned("did not make") {
		t.Errorf("a run with kept probes did %q and warned %q", r.done, r.warnings)
	}
	o.Recipe.Pure, o.Formats = true, []string{"Q4_0"}
	if s, r := mustRun(t, o); !r.warned("--pure") || s.Report.Located != nil {
		t.Errorf("--pure leaves no types to choose: %q, %+v", r.warnings, s.Report.Located)
	}
}

// TestLocateResumes: a run that ends among the probes goes on with the next, to the same report.
func TestLocateResumes(t *testing.T) {
	whole := options(t, llama(t))
	whole.KLDBudget = between(t, whole)
	whole.Out, whole.Locate = t.TempDir(), []string{threshold.ForFidelity}
	want, _ := mustRun(t, whole)
	o := whole
	o.Out = t.TempDir()
	for stop := 1; stop < 10; stop++ { // after the first round, then after the second
		ctx, cancel := context.WithCancel(t.Context())
		rounds := 0
		r := &recorder{}
		r.begin = func(what string) {
			if what == "locate m" {
				r.set = func(int64) {
					if rounds++; rounds > 1 {
						cancel()
					}
				}
			} else {
				r.set = nil
			}
		}
		_, err := Run(ctx, o, r)
		cancel()
		if err == nil {
			if stop == 1 {
				t.Fatal("the search took one round; the test sees nothing")
			}
			break
		}
		if !errors.Is(err, context.Canceled) {
			t.Fatal(err)
		}
		left, _ := filepath.Glob(filepath.Join(o.Out, "m", ".bitmill", "probe-*.json"))
		if len(left) < stop {
			t.Fatalf("%d probes are recorded after stop %d", len(left), stop)
		}
	}
	if got, _ := mustRun(t, o); len(got.Report.Models[0].Probes) != len(want.Report.Models[0].Probes) ||
		!reflect.DeepEqual(got.Report.Located, want.Report.Located) {
		t.Errorf("%+v, not %+v", got.Report.Located, want.Report.Located)
	}
	if !reflect.DeepEqual(outputs(t, o.Out), outputs(t, whole.Out)) {
		t.Error("the outputs are not those of a run left alone")
	}
}

// TestLocateEconomy: of two models both thresholds are located, and what is said of them holds for the rows.
func TestLocateEconomy(t *testing.T) {
	if demo.Models() == nil {
		t.Skip("built without the demo models; the statistics have a test of their own")
	}
	o := options(t, "")
	o.Models, o.Formats, o.Windows, o.Locate = nil, []string{"Q8_0", "Q3_K_S"}, 10, Thresholds()
	s, r := mustRun(t, o)
	var names []string
	for _, l := range s.Report.Located {
		names = append(names, l.Threshold+" "+l.Model)
		m := s.Report.Models[slices.IndexFunc(s.Report.Models, func(m report.Model) bool { return m.Name == l.Model })]
		wide := l.Meets-l.Misses > 0.05 && l.Meets-l.Misses > l.High-l.Low
		if !l.Located || l.Misses < 1.6 || l.Meets > 4 || wide || l.Against != threshold.BelowClaim ||
			len(m.Probes) != l.Probes || l.Probes > 14 {
			t.Errorf("%+v", l)
		}
		for _, p := range m.Probes {
			if over := p.KLD > DefaultKLDBudget; l.Threshold == threshold.ForFidelity &&
				over != (p.Point(false).BPW() <= l.Misses+1e-6) {
				t.Errorf("%s has a KLD of %v, and the threshold lies between %v and %v", p.Format, p.KLD, l.Misses, l.Meets)
			}
		}
	}
	if !slices.Equal(names, []string{"fidelity demo-s", "fidelity demo-l", "economy demo-l"}) {
		t.Errorf("located %q; warned %q", names, r.warnings)
	}
	for _, f := range r.forecast.Steps {
		if strings.HasPrefix(f.What, "locate ") && (f.Total < 4 || !(f.Seconds > 0) || math.IsInf(f.Seconds, 0)) {
			t.Errorf("%+v", f)
		}
	}
}

// TestEconomyTakesCommonWindows: a probe for the economy takes the windows that the source has, one for the fidelity as
// many as the goal asks for.
func TestEconomyTakesCommonWindows(t *testing.T) {
	m := new(report.Model)
	m.Source.WindowNLL = make([]float64, 37)
	s := &search{m: m, economy: map[float64]bool{2.5: true}}
	if a, b := s.windowsOf(2.5), s.windowsOf(3); a != 37 || b != 0 {
		t.Errorf("%d and %d windows", a, b)
	}
}
