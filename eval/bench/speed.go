// Package bench measures how fast models run here, as llama-bench defines its tests, and how close that is to what the
// machine's memory and arithmetic allow.
package bench

import (
	"context"
	"fmt"
	"math/rand/v2"
	"slices"
	"time"

	"bitmill/eval/infer"
	"bitmill/eval/kernel"
)

// Subject is a model to measure.
type Subject struct {
	Model *infer.Model
	BOS   int32 // begins every sequence; -1: a random token does
}

// Options of Measure.
type Options struct {
	Tests       []Test
	Repetitions int         // of each test, after a warm-up; at least 1
	Kernel      *kernel.Set // nil: the best this machine has
	Seed        uint64      // of the random tokens
	// Progress is called with the number of rounds of tests finished, including the warm-up.
	Progress func(done, total int64)
}

// Result is what was measured of one model.
type Result struct {
	Tests        []Speed // in the order of Options.Tests
	KVBytes      int64   // of the cache, as long as the longest test needs it
	ScratchBytes int64   // of activations and unpacked weights
}

// Speed is what was measured in one test.
type Speed struct {
	Samples            // tokens per second
	Work    infer.Work // of a prompt, or of the average token generated
}

// Measure runs the tests of all models in turn, repetition by repetition, so that a disturbance of the machine affects
// them alike.
func Measure(ctx context.Context, pool *infer.Pool, subjects []Subject, o Options) ([]Result, error) {
	results, runs := make([]Result, len(subjects)), make([]*run, len(subjects))
	for i, s := range subjects {
		runs[i] = newRun(pool, s, o)
		for _, t := range o.Tests {
			results[i].Tests = append(results[i].Tests, Speed{Work: t.work(s.Model)})
		}
	}
	repetitions := max(1, o.Repetitions)
	done, total := int64(0), int64(len(subjects)*(repetitions+1))
	for rep := range repetitions + 1 {
		for i, r := range runs {
			if err := r.round(ctx, o.Tests, results[i].Tests, rep == 0); err != nil {
				return nil, fmt.Errorf("model %d: %w", i, err)
			}
			done++
			if o.Progress != nil {
				o.Progress(done, total)
			}
		}
	}
	for i, r := range runs {
		results[i].KVBytes, results[i].ScratchBytes = r.cache.Bytes(), r.runner.Bytes()
	}
	return results, nil
}

// Runs prepares a model for measurements other than time: each function runs one of the tests once, whose depth must be
// 0. The model has warmed up.
func Runs(ctx context.Context, pool *infer.Pool, s Subject, o Options) ([]func() error, error) {
	r := newRun(pool, s, o)
	if err := r.round(ctx, o.Tests, nil, true); err != nil {
		return nil, err
	}
	var runs []func() error
	for _, t := range o.Tests {
		if t.Depth != 0 {
			return nil, fmt.Errorf("%s: filling the cache would be measured too: leave out --n-depth", t)
		}
		runs = append(runs, func() error {
			_, err := r.test(ctx, t)
			return err
		})
	}
	return runs, nil
}

// run is one model with what it needs to run.
type run struct {
	Subject
	rng    *rand.Rand
	runner *infer.Runner
	cache  *infer.Cache
	tokens []int32
}

func newRun(pool *infer.Pool, s Subject, o Options) *run {
	longest := 0
	for _, t := range o.Tests {
		longest = max(longest, t.Depth+t.Tokens)
	}
	return &run{
		Subject: s, rng: rand.New(rand.NewPCG(o.Seed, 0)),
		runner: infer.NewRunner(pool, infer.Options{Kernel: o.Kernel}),
		cache:  s.Model.NewCache(longest),
	}
}

// round runs each test once; warming up, a few tokens of generation from an empty cache are enough, and prompts are read
// once each.
func (r *run) round(ctx context.Context, tests []Test, to []Speed, warmUp bool) error {
	var warm []Test
	for i, t := range tests {
		if warmUp {
			t.Depth = 0
			if t.Kind == Generate {
				t.Tokens = min(t.Tokens, 2)
			}
			if slices.Contains(warm, t) {
				continue
			}
			warm = append(warm, t)
		}
		took, err := r.test(ctx, t)
		if err != nil {
			return err
		}
		if !warmUp {
			to[i].Samples = append(to[i].Samples, float64(t.Tokens)/took.Seconds())
		}
	}
	return nil
}

// test runs a test once and returns the time of its tokens; that of the tokens before them does not count.
func (r *run) test(ctx context.Context, t Test) (time.Duration, error) {
	r.cache.Reset()
	if _, err := r.feed(ctx, t.Depth, infer.BatchTokens, true); err != nil {
		return 0, err
	}
	step := 1
	if t.Kind == Prompt {
		step = infer.BatchTokens
	}
	return r.feed(ctx, t.Tokens, step, t.Depth == 0)
}

// feed runs n random tokens, step at a time; first says that they begin the sequence.
func (r *run) feed(ctx context.Context, n, step int, first bool) (time.Duration, error) {
	r.tokens = r.tokens[:0]
	for range n {
		r.tokens = append(r.tokens, int32(r.rng.IntN(r.Model.Config.Vocab)))
	}
	if first && n > 0 && r.BOS >= 0 {
		r.tokens[0] = r.BOS
	}
	sequence := make([]infer.Sequence, 1)
	start := time.Now()
	for at := 0; at < n; at += step {
		if err := ctx.Err(); err != nil {
			return 0, err
		}
		some := r.tokens[at:min(at+step, n)]
		sequence[0] = infer.Sequence{Tokens: some, Cache: r.cache, LogitsFrom: len(some) - 1}
		if _, err := r.runner.Forward(r.Model, sequence); err != nil {
			return 0, err
		}
	}
	return time.Since(start), nil
}
