package cli

import (
	"context"
	"fmt"
	"maps"
	"slices"

	"bitmill/cli/pipeline"
	"bitmill/eval/bench"
	"bitmill/eval/infer"
	"bitmill/eval/report"
)

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
