package cli

import (
	"context"

	"github.com/urfave/cli/v2"

	"bitmill/eval/bench"
	"bitmill/eval/machine"
)

func benchCommand() *cli.Command {
	return &cli.Command{
		Name:      "bench",
		Usage:     "measure how fast models read a prompt and generate, as llama-bench does",
		ArgsUsage: "MODEL...",
		Description: `pp N is a prompt of N random tokens from an empty cache, with the logits of the last one; tg N
is N single tokens from an empty cache. The weights are first moved to memory, in the order in which the kernels read
them, as far as memory allows. Models take turns, repetition by repetition, after each has warmed up. Each speed is
shown with its bound: the share of the time that reading the weights and the cache takes at the measured speed of
reading, or the share that multiplying takes at the measured peak, whichever is larger.`,
		Flags: []cli.Flag{
			requantizeFlag(), loraFlag(),
			&cli.IntFlag{Name: "n-prompt", Aliases: []string{"p"}, Value: 512,
				Usage: "tokens of the prompt (0: no such test)"},
			&cli.IntFlag{Name: "n-gen", Aliases: []string{"n"}, Value: 128,
				Usage: "tokens to generate (0: no such test)"},
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
			o := bench.Options{Prompt: c.Int("n-prompt"), Generate: c.Int("n-gen"), Repetitions: c.Int("repetitions")}
			if o.Prompt == 0 && o.Generate == 0 || max(o.Prompt, o.Generate) > maxGenerated {
				return usagef("--n-prompt %d --n-gen %d: give numbers of tokens up to %d, one of them above 0",
					o.Prompt, o.Generate, maxGenerated)
			}
			if o.Kernel, err = kernelFlag(c.String("kernel")); err != nil {
				return err
			}
			return runBench(c.Context, e, args, o, c.Bool("energy"))
		}),
	}
}

func runBench(ctx context.Context, e env, paths []string, o bench.Options, withEnergy bool) error {
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
	if withEnergy {
		if err := benchEnergy(ctx, pool, list, o, &r); err != nil {
			return err
		}
	}
	for i, x := range results {
		rows[i].fill(x, m, pool, o)
		rows[i].Resident = list[i].Model.ResidentBytes()
	}
	if e.json {
		return e.printJSON(r)
	}
	return printBench(e, r)
}
