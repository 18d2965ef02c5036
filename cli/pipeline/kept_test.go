package pipeline

import (
	"context"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// TestForecastOfARepeatedRun: a run that is begun again announces what is left: after an interruption, when all is
// done, when a file is gone, and when an option changed. What it announces as kept it does not begin.
func TestForecastOfARepeatedRun(t *testing.T) {
	o := options(t, llama(t))
	left := func(f *Forecast) (names []string) {
		for _, s := range f.Steps {
			if !s.Kept {
				names = append(names, s.What)
			}
			if s.Kept && s.Seconds != 0 {
				t.Errorf("%s is kept and takes %v seconds", s.What, s.Seconds)
			}
		}
		return names
	}
	ctx, stop := context.WithCancel(t.Context())
	r := &recorder{end: func(what string) {
		if strings.HasPrefix(what, "quantize") {
			stop()
		}
	}}
	if _, err := Run(ctx, o, r); err == nil {
		t.Fatal("the run was not interrupted")
	}
	for _, want := range []string{"read m, errors m, evaluate m", "read m"} {
		dry := o
		dry.CommandLine, dry.Threads, dry.Memory, dry.Force = "bitmill run m --dry-run --force", 1, 1<<31, true
		f, err := DryRun(t.Context(), dry, Discard{})
		if err != nil {
			t.Fatal(err)
		}
		if got := strings.Join(left(f), ", "); got != want || !strings.Contains(f.String(), "of them left") {
			t.Errorf("%s are left, want %s; %q", got, want, f)
		}
		_, r := mustRun(t, o)
		for _, s := range r.steps {
			if slices.ContainsFunc(r.forecast.Steps, func(f ForecastStep) bool { return f.What == s.What && f.Kept }) {
				t.Errorf("%s was announced as kept, and begun", s.What)
			}
		}
	}
	all := func(what string, o Options) {
		if f, err := DryRun(t.Context(), o, Discard{}); err != nil || len(left(f)) != len(f.Steps) {
			t.Errorf("%s: %v, %v", what, left(f), err)
		}
	}
	changed, other := o, o
	changed.Context, other.KLDBudget = 32, 0.2
	all("another context", changed)
	all("another budget", other)
	if err := os.Remove(filepath.Join(o.Out, "m", "m-Q4_0.gguf")); err != nil {
		t.Fatal(err)
	}
	all("a file is gone", o)
}
