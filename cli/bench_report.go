package cli

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"text/tabwriter"

	"bitmill/cli/pipeline"
	"bitmill/eval/bench"
	"bitmill/eval/infer"
	"bitmill/eval/machine"
	"bitmill/eval/report"
)

// benchRow is one model's figures: tokens per second, their standard deviation over the repetitions, and the shares of
// the two bounds. Those of a test that was left out are absent.
type benchRow struct {
	Path      string    `json:"path"`
	FileBytes int64     `json:"file_bytes"`
	Resident  int64     `json:"resident_bytes"` // weights in memory of the process; 0: mapped from the file
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

// fill compares the speeds with the machine's limits. The limit of reading is the faster of two measurements: reading
// from memory, which slows down when other programs read, and reading as many bytes as the model has over and over,
// possibly from a cache.
func (r *benchRow) fill(x bench.Result, m machine.Rates, pool *infer.Pool, o bench.Options) {
	r.KV, r.Scratch = x.KVBytes, x.ScratchBytes
	m.ReadBytes = max(m.ReadBytes, machine.ReadSpeed(pool, o.Kernel.Name, x.GenerateWork.WeightBytes))
	r.ReadBytes = m.ReadBytes
	r.Prompt, r.PP, r.PPSD, r.PPAll = o.Prompt, x.Prompt.Mean(), x.Prompt.SD(), x.Prompt
	if o.Prompt > 0 {
		b := bench.BoundOf(m, x.PromptWork, r.PP/float64(o.Prompt))
		r.PPMemory, r.PPCompute = b.Memory, b.Compute
	}
	r.Gen, r.TG, r.TGSD, r.TGAll = o.Generate, x.Generate.Mean(), x.Generate.SD(), x.Generate
	if o.Generate > 0 {
		b := bench.BoundOf(m, x.GenerateWork, r.TG)
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
	fmt.Fprintf(e.stdout,
		"%d threads, %s: reads %.1f GB/s, multiplies %.0f GOP/s in int8, %.0f in bfloat16, %.0f in float32", r.Threads,
		r.Kernel, r.ReadBytes/1e9, r.Int8/1e9, r.BF16/1e9, r.Float/1e9)
	if r.PeakRSS > 0 {
		fmt.Fprintf(e.stdout, "; peak resident memory %s MiB", mib(r.PeakRSS))
	}
	fmt.Fprintln(e.stdout)
	return printEnergy(e, r)
}

// testName returns a test's name in llama-bench, or "" if the test is left out.
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

// benchEnergy measures the models one after the other.
func benchEnergy(ctx context.Context, pool *infer.Pool, list []bench.Subject, o bench.Options, r *benchReport) error {
	m, err := pipeline.OpenMeter(ctx)
	if err != nil {
		return err
	}
	defer m.Close()
	r.EnergyNote = m.Note
	for i, s := range list {
		if r.Models[i].Energy, err = m.Measure(ctx, pool, s, o); err != nil {
			return err
		}
	}
	return nil
}

// printEnergy writes a line per model, or why there is none.
func printEnergy(e env, r benchReport) error {
	if r.EnergyNote != "" {
		_, err := fmt.Fprintf(e.stdout, "%s\n", printable(r.EnergyNote))
		return err
	}
	for _, m := range r.Models {
		if m.Energy == nil {
			continue
		}
		fmt.Fprintf(e.stdout, "%s energy:", pipeline.ModelName(m.Path))
		for _, test := range []struct {
			name  string
			kinds map[string]report.Joules
		}{{testName("pp", m.Prompt), m.Energy.Prompt}, {testName("tg", m.Gen), m.Energy.Generate}} {
			for _, kind := range slices.Sorted(maps.Keys(test.kinds)) {
				j := test.kinds[kind]
				fmt.Fprintf(e.stdout, " %s %s %.4g J/token (CV %.1f %%, n %d)", test.name, kind, j.PerToken, 100*j.CV,
					j.N)
			}
		}
		for _, kind := range slices.Sorted(maps.Keys(m.Energy.IdleWatts)) {
			fmt.Fprintf(e.stdout, "; idle %s %.1f W, subtracted", kind, m.Energy.IdleWatts[kind])
		}
		fmt.Fprintln(e.stdout)
	}
	return nil
}
