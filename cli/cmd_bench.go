package cli

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/urfave/cli/v2"

	"bitmill/eval/bench"
	"bitmill/eval/machine"
)

func benchCommand() *cli.Command {
	return &cli.Command{
		Name:      "bench",
		Usage:     "measure how fast models read a prompt and generate, as llama-bench does",
		ArgsUsage: "MODEL...",
		Description: `pp N is a prompt of N random tokens, with the logits of the last one; tg N is N single tokens; @ d N
says that N tokens are in the cache before them. Lists are numbers with commas, or ranges: 128-512+128, 64-1024*2. The
weights are first moved to memory, in the order in which the kernels read them, as far as memory allows. Models take turns, repetition by repetition, after each has warmed up. Each speed is
shown with its bound: the share of the time that reading the weights and the cache takes at the measured speed of
reading, or the share that multiplying takes at the measured peak, whichever is larger.`,
		Flags: []cli.Flag{
			requantizeFlag(), loraFlag(),
			&cli.StringSliceFlag{Name: "n-prompt", Aliases: []string{"p"}, Value: cli.NewStringSlice("512"),
				Usage: "`LIST` of tokens of the prompt (0: no such test)"},
			&cli.StringSliceFlag{Name: "n-gen", Aliases: []string{"n"}, Value: cli.NewStringSlice("128"),
				Usage: "`LIST` of tokens to generate (0: no such test)"},
			&cli.StringSliceFlag{Name: "n-depth", Aliases: []string{"d"}, Value: cli.NewStringSlice("0"),
				Usage: "`LIST` of tokens in the cache before those of a test"},
			&cli.StringFlag{Name: "output", Aliases: []string{"o"}, Value: "text",
				Usage: "form of the table: " + strings.Join(benchForms, ", ") + "; --json has all figures"},
			&cli.IntFlag{Name: "repetitions", Aliases: []string{"r"}, Value: 5, Usage: "repetitions of each test"},
			&cli.IntFlag{Name: "t", Usage: "the same as --threads"},
			&cli.BoolFlag{Name: "energy", Usage: "measure joules per token too, from the processor's counters (at " +
				"least 10 repetitions, idle power subtracted)"},
			&cli.StringFlag{Name: "kernel", Usage: "force a set of kernels: " + kernelNames()},
		},
		Action: arguments(1, -1, "MODEL...").action(func(c *cli.Context, e env, args []string) (err error) {
			if c.IsSet("t") {
				e.Threads = c.Int("t")
			}
			o := bench.Options{Repetitions: c.Int("repetitions")}
			if o.Tests, err = benchTests(c); err != nil {
				return err
			}
			if !slices.Contains(benchForms, c.String("output")) {
				return usagef("--output %s: the table can be had as %s", c.String("output"), strings.Join(benchForms, ", "))
			}
			if e.json && c.IsSet("output") {
				return usagef("give --output or --json, not both")
			}
			if o.Kernel, err = kernelFlag(c.String("kernel")); err != nil {
				return err
			}
			return runBench(c.Context, e, args, o, c.String("output"), c.Bool("energy"))
		}),
	}
}

// benchTests are the tests that the flags ask for.
func benchTests(c *cli.Context) ([]bench.Test, error) {
	var lists [3][]int
	for i, name := range []string{"n-prompt", "n-gen", "n-depth"} {
		for _, word := range strings.Split(strings.Join(c.StringSlice(name), ","), ",") {
			numbers, err := numbersOf(word)
			if err == nil && slices.Max(numbers) > maxGenerated {
				err = fmt.Errorf("%d tokens are more than %d", slices.Max(numbers), maxGenerated)
			}
			if err != nil {
				return nil, usagef("--%s %s: %v", name, word, err)
			}
			lists[i] = append(lists[i], numbers...)
		}
	}
	tests := bench.Grid(lists[0], lists[1], lists[2])
	if len(tests) == 0 {
		return nil, usagef("--n-prompt and --n-gen are 0: there is nothing to measure")
	}
	for _, t := range tests {
		if t.Depth > 0 && c.Bool("energy") {
			return nil, usagef("--energy and --n-depth: filling the cache would be measured too; leave one of them out")
		}
	}
	return tests, nil
}

func runBench(ctx context.Context, e env, paths []string, o bench.Options, form string, withEnergy bool) error {
	var list []bench.Subject
	rows := make([]benchRow, len(paths))
	pool := e.Pool()
	defer pool.Close()
	for i, path := range paths {
		s, err := e.Load(path)
		if err != nil {
			return err
		}
		defer s.Close()
		e.warn(s.Warnings...)
		rows[i].Path = s.Path
		if rows[i].FileBytes, err = s.FileBytes(); err != nil {
			return err
		}
		if err := e.LoadWeights(ctx, s, pool, o.Kernel); err != nil {
			return err
		}
		list = append(list, s.BenchSubject())
	}
	p := e.Events.Begin("bench", "rounds")
	o.Progress = p.Set
	results, err := bench.Measure(ctx, pool, list, o)
	if err != nil {
		return err
	}
	peak := machine.PeakRSS() // before the machine is measured, which takes memory of its own
	m := machine.MeasureRates(pool, o.Kernel.Name)
	p.Done()
	r := benchReport{Threads: e.Threads, Kernel: o.Kernel.Name, ReadBytes: m.ReadBytes, Int8: m.Int8, Float: m.Float,
		BF16: m.BF16, PeakRSS: peak, Models: rows}
	for i, x := range results {
		rows[i].fill(x, m, pool, o)
		rows[i].Resident = list[i].Model.ResidentBytes()
	}
	if withEnergy {
		if err := benchEnergy(ctx, pool, list, o, &r); err != nil {
			return err
		}
	}
	if e.json {
		return e.printJSON(r)
	}
	return printBench(e, r, form)
}
