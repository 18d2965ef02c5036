package cli

import (
	"context"
	"fmt"
	"strings"
	"text/tabwriter"

	"github.com/urfave/cli/v2"

	"bitmill/cli/pipeline"
	"bitmill/eval/bench"
	"bitmill/eval/infer"
	"bitmill/eval/kernel"
	"bitmill/eval/report"
)

func benchCommand() *cli.Command {
	return &cli.Command{
		Name:      "bench",
		Usage:     "measure how fast models read a prompt and generate, as llama-bench does",
		ArgsUsage: "MODEL...",
		Description: `pp N is a prompt of N random tokens from an empty cache, with the logits of the last one; tg N is N single tokens from
an empty cache. The weights are first moved to memory, in the order that the kernels read them in, as far as there is
enough. Models take turns, repetition by repetition, after each has warmed up. Beside each speed stands what bounds it:
the share of its time that reading the weights and the cache takes at the measured speed of reading, or the share that
multiplying takes at the measured peak, whichever is larger.`,
		Flags: []cli.Flag{
			requantizeFlag(), loraFlag(),
			&cli.IntFlag{Name: "n-prompt", Aliases: []string{"p"}, Value: 512, Usage: "tokens of the prompt (0: no such test)"},
			&cli.IntFlag{Name: "n-gen", Aliases: []string{"n"}, Value: 128, Usage: "tokens to generate (0: no such test)"},
			&cli.IntFlag{Name: "repetitions", Aliases: []string{"r"}, Value: 5, Usage: "repetitions of each test"},
			&cli.IntFlag{Name: "t", Usage: "the same as --threads"},
			&cli.BoolFlag{Name: "energy", Usage: "measure joules per token too, from the processor's counters (at least 10 repetitions, idle power subtracted)"},
			&cli.StringFlag{Name: "kernel", Usage: "force a set of kernels: " + kernelNames()},
		},
		Action: func(c *cli.Context) error {
			args, err := arguments(c, 1, -1, "MODEL...")
			if err != nil {
				return err
			}
			e := newEnv(c)
			if c.Int("t") > 0 {
				e.Threads = c.Int("t")
			}
			o := bench.Options{Prompt: c.Int("n-prompt"), Generate: c.Int("n-gen"), Repetitions: c.Int("repetitions")}
			switch {
			case o.Prompt < 0 || o.Generate < 0 || o.Prompt == 0 && o.Generate == 0 || max(o.Prompt, o.Generate) > maxGenerated:
				return usagef("--n-prompt %d --n-gen %d: give numbers of tokens up to %d, one of them above 0", o.Prompt, o.Generate, maxGenerated)
			case o.Repetitions < 1:
				return usagef("--repetitions %d: at least 1", o.Repetitions)
			}
			if o.Kernel, err = kernelFlag(c.String("kernel")); err != nil {
				return err
			}
			return runBench(c.Context, e, args, o, c.Bool("energy"))
		},
	}
}

// benchRow is one model's figures: tokens per second, their standard deviation over the repetitions, and the shares of
// the two bounds. Those of a test that was left out are absent.
type benchRow struct {
	Path      string    `json:"path"`
	FileBytes int64     `json:"file_bytes"`
	Resident  int64     `json:"resident_bytes"` // weights in memory of the process; 0: they are read from the file's mapping
	KV        int64     `json:"kv_bytes"`
	Scratch   int64     `json:"scratch_bytes"`
	ReadBytes float64   `json:"read_bytes_per_second"`
	Prompt    int       `json:"n_prompt,omitempty"`
	PP        float64   `json:"pp_tps,omitempty"`
	PPSD      float64   `json:"pp_sd,omitempty"`
	PPAll     []float64 `json:"pp_samples,omitempty"`
	PPMemory  float64   `json:"pp_memory_share,omitempty"`
	PPCompute float64   `json:"pp_compute_share,omitempty"`
	Gen       int       `json:"n_gen,omitempty"`
	TG        float64   `json:"tg_tps,omitempty"`
	TGSD      float64   `json:"tg_sd,omitempty"`
	TGAll     []float64 `json:"tg_samples,omitempty"`
	TGMemory  float64   `json:"tg_memory_share,omitempty"`
	TGCompute float64   `json:"tg_compute_share,omitempty"`

	Energy *report.Energy `json:"energy,omitempty"` // null or absent: not measured
}

// benchReport is what bench --json prints.
type benchReport struct {
	Threads   int        `json:"threads"`
	Kernel    string     `json:"kernel"`
	ReadBytes float64    `json:"read_bytes_per_second"` // from memory, no cache holds what is read
	Int8      float64    `json:"int8_ops"`              // per second; a product and a sum are two
	Float     float64    `json:"float32_ops"`
	BF16      float64    `json:"bfloat16_ops"`
	PeakRSS   int64      `json:"peak_rss_bytes"` // of the process; mapped weights of all models count; 0: not known
	Models    []benchRow `json:"models"`

	EnergyNote string `json:"energy_note,omitempty"` // why energy was asked for and not measured
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
	peak := bench.PeakRSS() // before the machine is measured, which takes memory of its own
	m := bench.MeasureMachine(pool, o.Kernel)
	p.Done()
	r := benchReport{Threads: e.Threads, Kernel: o.Kernel.Name, ReadBytes: m.ReadBytes, Int8: m.Int8, Float: m.Float, BF16: m.BF16, PeakRSS: peak, Models: rows}
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

// fill judges the speeds by the machine; what is read is as fast as reading that many bytes over and over, from a cache
// that holds them or from memory, whose speed changes with what others read: the faster measurement counts.
func (r *benchRow) fill(x bench.Result, m bench.Machine, pool *infer.Pool, o bench.Options) {
	r.KV, r.Scratch = x.KVBytes, x.ScratchBytes
	m.ReadBytes = max(m.ReadBytes, bench.ReadSpeed(pool, o.Kernel, x.GenerateWork.WeightBytes))
	r.ReadBytes = m.ReadBytes
	r.Prompt, r.PP, r.PPSD, r.PPAll = o.Prompt, x.Prompt.Mean(), x.Prompt.SD(), x.Prompt
	if o.Prompt > 0 {
		b := m.Of(x.PromptWork, r.PP/float64(o.Prompt))
		r.PPMemory, r.PPCompute = b.Memory, b.Compute
	}
	r.Gen, r.TG, r.TGSD, r.TGAll = o.Generate, x.Generate.Mean(), x.Generate.SD(), x.Generate
	if o.Generate > 0 {
		b := m.Of(x.GenerateWork, r.TG)
		r.TGMemory, r.TGCompute = b.Memory, b.Compute
	}
}

func printBench(e env, r benchReport) error {
	w := tabwriter.NewWriter(e.stdout, 0, 0, 2, ' ', tabwriter.AlignRight)
	fmt.Fprint(w, "model\tMiB\tKV MiB\tscratch MiB\t")
	for _, name := range []string{testName("pp", r.Models[0].Prompt), testName("tg", r.Models[0].Gen)} {
		if name != "" {
			fmt.Fprintf(w, "%s t/s\t±\tbound\t", name)
		}
	}
	fmt.Fprintln(w)
	mib := func(n int64) string { return fmt.Sprintf("%.1f", float64(n)/(1<<20)) }
	for _, m := range r.Models {
		fmt.Fprintf(w, "%s\t%s\t%s\t%s\t", pipeline.ModelName(m.Path), mib(m.FileBytes), mib(m.KV), mib(m.Scratch))
		if m.Prompt > 0 {
			fmt.Fprintf(w, "%.2f\t%.2f\t%s\t", m.PP, m.PPSD, bound(m.PPMemory, m.PPCompute))
		}
		if m.Gen > 0 {
			fmt.Fprintf(w, "%.2f\t%.2f\t%s\t", m.TG, m.TGSD, bound(m.TGMemory, m.TGCompute))
		}
		fmt.Fprintln(w)
	}
	if err := w.Flush(); err != nil {
		return err
	}
	fmt.Fprintf(e.stdout, "%d threads, %s: reads %.1f GB/s, multiplies %.0f GOP/s in int8, %.0f in bfloat16, %.0f in float32", r.Threads,
		r.Kernel, r.ReadBytes/1e9, r.Int8/1e9, r.BF16/1e9, r.Float/1e9)
	if r.PeakRSS > 0 {
		fmt.Fprintf(e.stdout, "; peak resident memory %s MiB", mib(r.PeakRSS))
	}
	fmt.Fprintln(e.stdout)
	return printEnergy(e, r)
}

// testName is a test's name in llama-bench, "" when it is left out.
func testName(kind string, n int) string {
	if n == 0 {
		return ""
	}
	return fmt.Sprintf("%s%d", kind, n)
}

// bound names the larger share.
func bound(memory, compute float64) string {
	if compute > memory {
		return fmt.Sprintf("compute %.0f %%", 100*compute)
	}
	return fmt.Sprintf("memory %.0f %%", 100*memory)
}

// kernelFlag is the set that --kernel names, the best one when it names none.
func kernelFlag(name string) (*kernel.Set, error) {
	if name == "" {
		return kernel.Best(), nil
	}
	s, err := kernel.Use(name)
	if err != nil {
		return nil, usagef("--kernel: %v", err)
	}
	return s, nil
}

// kernelNames lists what --kernel takes here.
func kernelNames() string {
	var names []string
	for _, s := range kernel.Available() {
		names = append(names, s.Name)
	}
	return strings.Join(names, ", ")
}
