package feedback_test

import (
	"bytes"
	"context"
	"flag"
	"fmt"
	"hash/fnv"
	"maps"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	"bitmill/eval/infer"
	"bitmill/eval/kernel"
	"bitmill/formats/checkpoint"
	"bitmill/formats/checkpoint/checkpointtest"
	"bitmill/quantize"
	"bitmill/quantize/feedback"
)

// example is a checkpoint, an artifact of it and windows of random tokens.
type example struct {
	source  *checkpoint.Checkpoint
	encoded *checkpoint.Checkpoint
	windows [][]int32
	kernel  *kernel.Set // nil: the best
	sweeps  int

	group, last int
	scratch     string
}

func open(t *testing.T, path string) *checkpoint.Checkpoint {
	t.Helper()
	c, err := checkpoint.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	return c
}

func newExample(t *testing.T, name, format string) *example {
	t.Helper()
	x := &example{source: open(t, checkpointtest.Load(t, name).Folder(t))}
	p, err := quantize.NewPlan(x.source, nil, quantize.Options{Format: format, AllowRequantize: true})
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(t.TempDir(), "encoded.gguf")
	_, err = quantize.Write(context.Background(), x.source, nil, []quantize.Artifact{{Plan: p, Path: path}},
		quantize.WriteOptions{})
	if err != nil {
		t.Fatal(err)
	}
	x.encoded = open(t, path)
	rng := rand.New(rand.NewPCG(1, 0))
	for range 60 {
		w := make([]int32, 64)
		for i := range w {
			w[i] = rng.Int32N(int32(x.source.Config.Vocab))
		}
		x.windows = append(x.windows, w)
	}
	return x
}

// part names a matrix.
func part(name string, expert int) string { return fmt.Sprintf("%s#%d", name, expert) }

// run returns the choices by name; have are those of an earlier run.
func (x *example) run(t *testing.T, threads int, have map[string][]byte) map[string][]byte {
	t.Helper()
	pool := infer.NewPool(threads)
	defer pool.Close()
	made := map[string][]byte{}
	a := feedback.Artifact{Checkpoint: x.encoded, Have: func(name string, expert int) []byte { return have[part(name, expert)] },
		Store: func(c feedback.Choice) error {
			if !(c.After <= c.Before) {
				t.Errorf("%s: the objective rose from %g to %g", c.Name, c.Before, c.After)
			}
			made[part(c.Name, c.Expert)] = bytes.Clone(c.Data)
			return nil
		}}
	var done, total int64
	o := feedback.Options{Kernel: x.kernel, Sweeps: x.sweeps, Group: x.group, Last: x.last, Scratch: x.scratch,
		Progress: func(d, n int64) { done, total = d, n }}
	if err := feedback.Run(context.Background(), pool, x.source, x.windows, []feedback.Artifact{a}, o); err != nil {
		t.Fatal(err)
	}
	if done != total || total == 0 {
		t.Errorf("progress ends at %d of %d", done, total)
	}
	return made
}

// logits are those of the model with other data for some tensors.
func (x *example) logits(t *testing.T, c *checkpoint.Checkpoint, data map[string][]byte) []float32 {
	t.Helper()
	m, err := infer.Load(c)
	if err != nil {
		t.Fatal(err)
	}
	for name, d := range data {
		name, expert, _ := strings.Cut(name, "#")
		number, err := strconv.Atoi(expert)
		if err != nil {
			t.Fatal(err)
		}
		if err := m.Replace(name, number, d); err != nil {
			t.Fatal(err)
		}
	}
	pool := infer.NewPool(2)
	defer pool.Close()
	rng := rand.New(rand.NewPCG(2, 0))
	seqs := make([]infer.Sequence, 8)
	for i := range seqs {
		seqs[i].Tokens = make([]int32, 60)
		for k := range seqs[i].Tokens {
			seqs[i].Tokens[k] = rng.Int32N(int32(c.Config.Vocab))
		}
	}
	logits, err := infer.NewRunner(pool, infer.Options{}).Forward(m, seqs)
	if err != nil {
		t.Fatal(err)
	}
	return slices.Clone(logits)
}

func distance(a, b []float32) (sum float64) {
	for i, v := range a {
		d := float64(v - b[i])
		sum += d * d
	}
	return sum
}

// The logits come closer to the model's on tokens that nothing was fitted on, in every kind of model. With random
// weights and tokens there is little to gain.
func TestRun(t *testing.T) {
	for _, tt := range []struct {
		model, format string
		share         float64
	}{{"llama", "Q3_K_S", 0.85}, {"granite-tied", "Q2_K", 0.8}, {"gemma2", "Q4_K_M", 0.95}, {"cohere", "Q4_0", 0.75},
		{"qwen3-moe", "Q3_K_S", 0.95}, {"deepseek-v2", "Q4_K_S", 0.8}, {"starcoder2", "IQ4_XS", 0.98}} {
		x := newExample(t, tt.model, tt.format)
		made := x.run(t, 2, nil)
		want := x.logits(t, x.source, nil)
		before, after := distance(x.logits(t, x.encoded, nil), want), distance(x.logits(t, x.encoded, made), want)
		t.Logf("%s %s: %d matrices, %.3f of the squared distance", tt.model, tt.format, len(made), after/before)
		if !(after < tt.share*before) {
			t.Errorf("%s in %s: the logits' squared distance is %g, was %g", tt.model, tt.format, after, before)
		}
	}
}

// Matrices that have their type already stay as they are.
func TestRunKeepsCopies(t *testing.T) {
	for _, name := range []string{"llama", "granite-tied", "qwen3-moe"} {
		x := newExample(t, name, "Q4_K_M")
		x.source = x.encoded
		if made := x.run(t, 2, nil); len(made) > 0 {
			t.Errorf("%s: %d matrices are chosen anew", name, len(made))
		}
	}
}

// The data do not depend on threads, on an interruption, nor on how many windows go through a layer together, from
// memory or from a file. Windows here are no multiples of the blocks of moments.
func TestRunIsRepeatable(t *testing.T) {
	for _, tt := range []struct{ model, format string }{{"granite-tied", "Q3_K_M"}, {"qwen3-moe", "Q4_0"}, {"cohere", "Q4_0"}} {
		x := newExample(t, tt.model, tt.format)
		x.windows, x.sweeps = x.windows[:14], 1
		for i := range x.windows {
			x.windows[i] = x.windows[i][:50]
		}
		want := x.run(t, 1, nil)
		have := map[string][]byte{}
		for name, data := range want { // as if killed
			if sum := fnv.New32(); name == "token_embd.weight#0" {
				have[name] = data
			} else if sum.Write([]byte(name)); sum.Sum32()%3 > 0 {
				have[name] = data
			}
		}
		for _, tt := range []struct {
			group, last int
			file        bool
			have        map[string][]byte
		}{{last: 1 << 20, have: have}, {group: 50, last: 50}, {100, 400, true, have}} {
			x.group, x.last, x.scratch = tt.group, tt.last, ""
			if tt.file {
				x.scratch = filepath.Join(t.TempDir(), "scratch")
			}
			rest := x.run(t, 3, tt.have)
			if len(rest)+len(tt.have) != len(want) {
				t.Errorf("%d and %d tensors, want %d", len(tt.have), len(rest), len(want))
			}
			maps.Copy(rest, tt.have)
			other := 0
			for name, data := range want {
				if !bytes.Equal(rest[name], data) {
					other++
				}
			}
			if other > 0 {
				t.Errorf("%s: %d of %d matrices have other data in groups of %d and %d tokens", x.source.Path, other,
					len(want), tt.group, tt.last)
			}
			if _, err := os.Stat(x.scratch); err == nil && tt.file {
				t.Errorf("%s is still there", x.scratch)
			}
		}
	}
}

// What is needed is taken while it is there; with less the last group is smaller, then a file is used, and in the end
// all groups are small.
func TestRoomFor(t *testing.T) {
	c := newExample(t, "llama", "Q3_K_S").source
	const useful, window = 30*512 + 4096, 512
	if n := feedback.Tokens(c, 1<<20, 0); n != useful || feedback.Tokens(c, 700, 0) != 700 {
		t.Errorf("%d tokens of a long text, want %d", n, useful)
	}
	if n := feedback.Tokens(c, 1<<20, 100); n != 100+4096 {
		t.Errorf("%d tokens where 100 are asked for", n)
	}
	room := func(limit int64) feedback.Room { return feedback.RoomFor(c, 1<<20, window, 0, 7, limit) }
	all, least := room(0), room(1)
	if all.Last != useful || all.Tokens != useful || all.File != 0 || all.Again() != 0 || room(all.Memory) != all {
		t.Errorf("without a limit: %+v", all)
	}
	if least.Last != window || least.File == 0 || room(least.Memory) != least {
		t.Errorf("with none: %+v", least)
	}
	before := least
	for limit := least.Memory; limit < all.Memory; limit += 1 << 20 {
		r := room(limit)
		if r.Memory > limit || r.Memory < limit-16<<20 && r.Last != r.Tokens || r.Last < before.Last && before.File == r.File {
			t.Errorf("%d bytes: %+v after %+v", limit, r, before)
		}
		before = r
	}
	if before.File != 0 || before.Last == window {
		t.Errorf("just below what all need: %+v", before)
	}
}

var (
	everything = flag.Bool("everything", false, "TestRun with every case of every architecture")
	from       = flag.String("from", "", "of them those from this name on")
)

// TestEverything is TestRun with few tokens for all architectures.
func TestEverything(t *testing.T) {
	if !*everything {
		t.Skip("minutes; TestRun is the same for some of the cases: -everything")
	}
	for _, name := range checkpointtest.Names() {
		if name < *from {
			continue
		}
		x := newExample(t, name, "Q4_0")
		m, err := infer.Load(x.source)
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		if err := m.Cut(0); err != nil {
			t.Logf("%s: %v", name, err)
			continue
		}
		made := x.run(t, 2, nil)
		want := x.logits(t, x.source, nil)
		before, after := distance(x.logits(t, x.encoded, nil), want), distance(x.logits(t, x.encoded, made), want)
		size := distance(make([]float32, len(want)), want)
		t.Logf("%s: %d matrices, %.3f of the squared distance, which was %.3f", name, len(made), after/before, before/size)
		if !(after < 1.1*before) && before < 0.05*size { // beyond that all is noise
			t.Errorf("%s: the logits' squared distance is %g, was %g", name, after, before)
		}
	}
}
