package cli

import (
	"context"
	"encoding/csv"
	"fmt"
	"maps"
	"slices"
	"strings"
	"text/tabwriter"

	"bitmill/cli/pipeline"
	"bitmill/eval/bench"
	"bitmill/eval/infer"
	"bitmill/eval/machine"
	"bitmill/eval/report"
)

// benchRow is one model's figures.
type benchRow struct {
	Path      string    `json:"path"`
	FileBytes int64     `json:"file_bytes"`
	Resident  int64     `json:"resident_bytes"` // weights in memory of the process; 0: mapped from the file
	KV        int64     `json:"kv_bytes"`
	Scratch   int64     `json:"scratch_bytes"`
	ReadBytes float64   `json:"read_bytes_per_second"`
	Tests     []testRow `json:"tests"`
	Idle      idle      `json:"idle_watts,omitempty"` // by counter; absent: no energy was measured
}

type idle = map[string]float64

// testRow is a test's speed in tokens per second, its standard deviation over the repetitions, and the shares of the two
// bounds.
type testRow struct {
	Test    string                   `json:"test"` // llama-bench's name, such as "pp512" or "tg128 @ d4096"
	Tokens  int                      `json:"tokens"`
	Depth   int                      `json:"depth"`
	TPS     float64                  `json:"tps"`
	SD      float64                  `json:"sd"`
	Samples []float64                `json:"samples"`
	Memory  float64                  `json:"memory_share"`
	Compute float64                  `json:"compute_share"`
	Joules  map[string]report.Joules `json:"joules,omitempty"` // by counter
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
	m.ReadBytes = max(m.ReadBytes, machine.ReadSpeed(pool, o.Kernel.Name, x.Tests[0].Work.WeightBytes))
	r.ReadBytes = m.ReadBytes
	for i, t := range o.Tests {
		s := x.Tests[i]
		b := s.Bound(t, m)
		r.Tests = append(r.Tests, testRow{t.String(), t.Tokens, t.Depth, s.Mean(), s.SD(), s.Samples, b.Memory, b.Compute, nil})
	}
}

// benchForms are the forms of the table.
var benchForms = []string{"text", "md", "csv"}

func printBench(e env, r benchReport, form string) error {
	table := [][]string{{"model", "MiB", "KV MiB", "scratch MiB", "test", "t/s", "±", "bound"}}
	mib := func(n int64) string { return fmt.Sprintf("%.1f", float64(n)/(1<<20)) }
	for _, m := range r.Models {
		for _, t := range m.Tests {
			table = append(table, []string{printable(pipeline.ModelName(m.Path)), mib(m.FileBytes), mib(m.KV), mib(m.Scratch),
				t.Test, fmt.Sprintf("%.2f", t.TPS), fmt.Sprintf("%.2f", t.SD), bound(t.Memory, t.Compute)})
		}
	}
	switch form {
	case "csv": // a table alone, as programs read it
		return csv.NewWriter(e.stdout).WriteAll(table)
	case "md":
		fmt.Fprint(e.stdout, report.MarkdownTable(table))
	default:
		w := tabwriter.NewWriter(e.stdout, 0, 0, 2, ' ', tabwriter.AlignRight)
		for _, row := range table {
			fmt.Fprintln(w, strings.Join(row, "\t")+"\t")
		}
		if err := w.Flush(); err != nil {
			return err
		}
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
		joules, err := m.Measure(ctx, pool, s, o)
		if err != nil {
			return err
		}
		r.Models[i].Idle = m.IdleWatts()
		for k, j := range joules {
			r.Models[i].Tests[k].Joules = j
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
		if m.Idle == nil {
			continue
		}
		fmt.Fprintf(e.stdout, "%s energy:", printable(pipeline.ModelName(m.Path)))
		for _, t := range m.Tests {
			for _, kind := range slices.Sorted(maps.Keys(t.Joules)) {
				j := t.Joules[kind]
				fmt.Fprintf(e.stdout, " %s %s %.4g J/token (CV %.1f %%, n %d)", t.Test, kind, j.PerToken, 100*j.CV, j.N)
			}
		}
		for _, kind := range slices.Sorted(maps.Keys(m.Idle)) {
			fmt.Fprintf(e.stdout, "; idle %s %.1f W, subtracted", kind, m.Idle[kind])
		}
		fmt.Fprintln(e.stdout)
	}
	return nil
}
