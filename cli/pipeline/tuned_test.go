package pipeline

import (
	"context"
	"errors"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"bitmill/eval/infer"
	"bitmill/formats"
	"bitmill/formats/checkpoint"
	"bitmill/quantize"
	"bitmill/quantize/tune"
)

// nearness stands for gradients: the divergence is the squared distance of the weights from the full model's.
type nearness struct{ full, other map[string][]float32 }

func (n *nearness) Add(context.Context, []int32) error { return nil }
func (n *nearness) Close()                             {}
func (n *nearness) Weights(name string) []float32      { return n.other[name] }

func (n *nearness) Divergence(ctx context.Context, window int) (nats float64, err error) {
	return n.Gradient(ctx, window, func(string, []float32) {})
}

func (n *nearness) Gradient(ctx context.Context, _ int, visit func(string, []float32)) (nats float64, err error) {
	for _, name := range slices.Sorted(maps.Keys(n.full)) {
		d := make([]float32, len(n.full[name]))
		for i, v := range n.other[name] {
			d[i] = v - n.full[name][i]
			nats += float64(d[i]) * float64(d[i])
		}
		visit(name, d)
	}
	return nats, ctx.Err()
}

// nearTuner has nearness as gradients; products take so many seconds.
func nearTuner(rate float64) *Tuner {
	return &Tuner{
		Open: func(c *checkpoint.Checkpoint, o GradientOptions) (tune.Gradients, error) {
			n := &nearness{map[string][]float32{}, map[string][]float32{}}
			for i := range c.Tensors {
				t := &c.Tensors[i]
				values := make([]float32, t.Elements())
				if err := t.Floats(values, 0, t.Rows()); err != nil {
					return nil, err
				}
				n.full[t.Name], n.other[t.Name] = values, make([]float32, len(values))
			}
			return n, nil
		},
		Memory: func(c *checkpoint.Checkpoint, _, _ int) (int64, error) {
			if c.Config.Arch != "llama" {
				return 0, formats.ErrUnsupported
			}
			return 1 << 20, nil
		},
		Rate: func(int) (float64, error) { return rate, nil },
	}
}

// tuned are the options of a run by method tuned.
func tuned(t *testing.T, model string) Options {
	o := options(t, model)
	o.Formats, o.Windows, o.Tuner = []string{"Q4_0"}, 14, nearTuner(1e-12)
	o.Recipe.Method, o.Recipe.Fit.Passes = quantize.Tuned, 8
	return o
}

func TestTunedRun(t *testing.T) {
	model := llama(t)
	o := tuned(t, model)
	s, r := mustRun(t, o)
	row := s.Report.Models[0].Artifacts[0]
	if x := row.Tuned; row.Method != quantize.Tuned || x == nil || x.Passes != 8 || x.Pass == 0 || !(x.After < x.Before) {
		t.Fatalf("method %q, tuned %+v", row.Method, x)
	}
	if !r.warned("for every window and pass, here 96, and with fewer than 100 hardly a level changes: give --passes 9,") {
		t.Errorf("no warning of too few steps in %q", r.warnings)
	}
	o.Recipe.Fit.Passes = 9
	if _, err := DryRun(t.Context(), o, r); err != nil {
		t.Fatal(err)
	}
	if n := strings.Count(strings.Join(r.warnings, "\n"), "hardly a level"); n != 1 {
		t.Errorf("%d warnings of too few steps", n)
	}
	o.Recipe.Fit.Passes = 8
	notes := strings.Join(r.notes, "\n")
	for _, want := range []string{"m-Q4_0.gguf: after pass 3 of 8, KLD ", "m-Q4_0.gguf: the levels after pass "} {
		if !strings.Contains(notes, want) {
			t.Errorf("no note %q in\n%s", want, notes)
		}
	}
	want := outputs(t, o.Out)
	for name := range want {
		if strings.Contains(name, ".tuned") {
			t.Errorf("%s is left", name)
		}
	}
	if _, r := mustRun(t, o); len(r.done) > 0 {
		t.Errorf("the second run did %q", r.done)
	}

	// Interrupted after a pass, it goes on behind it.
	o.Out = t.TempDir()
	ctx, cancel := context.WithCancel(context.Background())
	stopper := &recorder{set: func(done int64) {
		if _, err := os.Stat(filepath.Join(o.Out, "m", "m-Q4_0.tuned")); err == nil {
			cancel()
		}
	}}
	if _, err := Run(ctx, o, stopper); !errors.Is(err, context.Canceled) {
		t.Fatal(err)
	}
	if _, err := os.Stat(filepath.Join(o.Out, "m", "m-Q4_0.tuned")); err != nil {
		t.Fatal(err)
	}
	if _, r := mustRun(t, o); strings.Contains(strings.Join(r.notes, "\n"), "Q4_0.gguf: after pass 1 of") {
		t.Error("the first pass was made again")
	}
	got := outputs(t, o.Out)
	for _, name := range []string{"/m/m-Q4_0.gguf", "/report.json"} {
		if want[name] == "" || got[name] != want[name] {
			t.Errorf("after an interruption, %s is another", name)
		}
	}
}

// What cannot be tuned is refused before anything begins, with what to do instead.
func TestTunedIsRefused(t *testing.T) {
	defer func(f func() (int64, bool)) { availableMemory = f }(availableMemory)
	model := llama(t)
	for name, tt := range map[string]struct {
		change func(o *Options)
		is     error
		says   string
	}{
		"no gradients": {func(o *Options) { o.Tuner = nil }, nil, "without gradients"},
		"few windows":  {func(o *Options) { o.Windows = 5 }, nil, "needs at least 6 windows"},
		"architecture": {func(o *Options) {
			o.Tuner.Memory = func(*checkpoint.Checkpoint, int, int) (int64, error) { return 0, formats.ErrUnsupported }
		}, formats.ErrUnsupported, "method tuned"},
		"time": {func(o *Options) { o.Tuner = nearTuner(1e-3) }, nil, "to go 8 times over 12 windows would take about"},
		"memory": {func(o *Options) {
			o.Tuner.Memory = func(*checkpoint.Checkpoint, int, int) (int64, error) { return 1 << 60, nil }
		}, infer.ErrMemory, "MiB are free"},
		"less memory": {func(o *Options) {
			o.Memory = 1 << 38
			o.Tuner.Memory = func(*checkpoint.Checkpoint, int, int) (int64, error) { return 1 << 39, nil }
		}, infer.ErrMemory, "262144 MiB are what --max-memory allows"},
	} {
		t.Run(name, func(t *testing.T) {
			o := tuned(t, model)
			availableMemory = func() (int64, bool) { return 1 << 40, true }
			tt.change(&o)
			_, err := Run(t.Context(), o, nil)
			if err == nil || !strings.Contains(err.Error(), tt.says) || !strings.Contains(err.Error(), "--method feedback") {
				t.Fatalf("%v, want one that says %q", err, tt.says)
			}
			if tt.is != nil && !errors.Is(err, tt.is) {
				t.Errorf("%v is not %v", err, tt.is)
			}
			if found, _ := filepath.Glob(filepath.Join(o.Out, "m", "*")); len(found) > 0 {
				t.Errorf("%q was made", found)
			}
		})
	}
}
