// Package bench measures how fast models run here, as llama-bench defines its tests, and how close that is to what the
// machine's memory and arithmetic allow.
package bench

import (
	"context"
	"fmt"
	"math/rand/v2"
	"time"

	"bitmill/eval/infer"
	"bitmill/eval/kernel"
)

// Subject is a model to measure.
type Subject struct {
	Model *infer.Model
	BOS   int32 // begins every sequence; -1: a random token does
}

// Options of Measure. Prompt or Generate of 0 leaves that test out.
type Options struct {
	Prompt      int         // tokens of the prompt test: processed from an empty cache, logits of the last one
	Generate    int         // tokens of the generation test: one at a time, from an empty cache
	Repetitions int         // of each test, after a warm-up; at least 1
	Kernel      *kernel.Set // nil: the best this machine has
	Seed        uint64      // of the random tokens
	// Progress is called with the number of rounds of tests finished, including the warm-up.
	Progress func(done, total int64)
}

// Result is what was measured of one model.
type Result struct {
	Prompt, Generate Samples // tokens per second
	PromptWork       infer.Work
	GenerateWork     infer.Work // of the average token
	KVBytes          int64      // of the cache
	ScratchBytes     int64      // of activations and unpacked weights
}

// Measure runs the tests of all models in turn, repetition by repetition, so that a disturbance of the machine affects
// them alike.
func Measure(ctx context.Context, pool *infer.Pool, subjects []Subject, o Options) ([]Result, error) {
	results, runs := make([]Result, len(subjects)), make([]*run, len(subjects))
	rng := rand.New(rand.NewPCG(o.Seed, 0))
	for i, s := range subjects {
		runs[i] = &run{
			Subject: s, rng: rng,
			runner: infer.NewRunner(pool, infer.Options{Kernel: o.Kernel}),
			cache:  s.Model.NewCache(max(o.Prompt, o.Generate)),
		}
	}
	repetitions := max(1, o.Repetitions)
	done, total := int64(0), int64(len(subjects)*(repetitions+1))
	for rep := range repetitions + 1 {
		for i, r := range runs {
			if err := r.tests(ctx, o, &results[i], rep == 0); err != nil {
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
		results[i].PromptWork = r.Model.Work(o.Prompt, 0)
		results[i].GenerateWork = r.Model.Work(1, o.Generate/2)
	}
	return results, nil
}

// Tests prepares a model for measurements other than time: each function runs one test once. The model has warmed up.
// The function of a test that is left out is nil.
func Tests(ctx context.Context, pool *infer.Pool, s Subject, o Options) (prompt, generate func() error, err error) {
	r := &run{
		Subject: s, rng: rand.New(rand.NewPCG(o.Seed, 0)),
		runner: infer.NewRunner(pool, infer.Options{Kernel: o.Kernel}),
		cache:  s.Model.NewCache(max(o.Prompt, o.Generate)),
	}
	if err := r.tests(ctx, o, &Result{}, true); err != nil {
		return nil, nil, err
	}
	test := func(tokens, step int) func() error {
		if tokens == 0 {
			return nil
		}
		return func() error {
			_, err := r.feed(ctx, tokens, step)
			return err
		}
	}
	return test(o.Prompt, infer.BatchTokens), test(o.Generate, 1), nil
}

// run is one model with what it needs to run.
type run struct {
	Subject
	rng    *rand.Rand
	runner *infer.Runner
	cache  *infer.Cache
	tokens []int32
}

// tests runs each test once; warming up, a few tokens of generation are enough.
func (r *run) tests(ctx context.Context, o Options, to *Result, warmUp bool) error {
	generate := o.Generate
	if warmUp {
		generate = min(generate, 2)
	}
	for _, test := range []struct {
		tokens, step int
		samples      *Samples
	}{{o.Prompt, infer.BatchTokens, &to.Prompt}, {generate, 1, &to.Generate}} {
		if test.tokens == 0 {
			continue
		}
		took, err := r.feed(ctx, test.tokens, test.step)
		if err != nil {
			return err
		}
		if !warmUp {
			*test.samples = append(*test.samples, float64(test.tokens)/took.Seconds())
		}
	}
	return nil
}

// feed runs n random tokens from an empty cache, step at a time.
func (r *run) feed(ctx context.Context, n, step int) (time.Duration, error) {
	r.tokens = r.tokens[:0]
	for range n {
		r.tokens = append(r.tokens, int32(r.rng.IntN(r.Model.Config.Vocab)))
	}
	if r.BOS >= 0 {
		r.tokens[0] = r.BOS
	}
	r.cache.Reset()
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
