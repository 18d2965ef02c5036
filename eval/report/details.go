package report

import "fmt"

// resourceColumns are speed and memory.
var resourceColumns = []column{
	formatColumn,
	used("Prompt t/s", "tokens of a prompt per second ± standard deviation", 1, func(r *Resources) string { return r.Prompt.String() }),
	used("Generated t/s", "single tokens per second ± standard deviation", 1, func(r *Resources) string { return r.Generate.String() }),
	used("Memory", "peak: weights, keys and values, scratch", 1, func(r *Resources) string { return size(r.MemoryBytes) }),
	used("KV", "keys and values of the longest test", 3, func(r *Resources) string { return size(r.KVBytes) }),
	used("Scratch", "activations and unpacked weights", 3, func(r *Resources) string { return size(r.ScratchBytes) }),
	used("Load", "from opening the file, which is in memory, until it can run", 4, func(r *Resources) string { return fmt.Sprintf("%.3f s", r.LoadSeconds) }),
	used("Prompt mJ", "energy per token of a prompt, idle subtracted (CV)", 2, func(r *Resources) string { return r.energy(ofPrompt) }),
	used("Generated mJ", "energy per generated token, idle subtracted (CV)", 2, func(r *Resources) string { return r.energy(ofGenerated) }),
}

// used prints what only a file has whose resources were measured.
func used(name, title string, rank int, f func(r *Resources) string) column {
	return column{head{name, title, false, rank}, func(r *Row, _ bool) string {
		if r.Resources == nil {
			return none
		}
		return f(r.Resources)
	}}
}

func (s Speed) String() string {
	if !(s.PerSecond > 0) {
		return none
	}
	return measure(s.PerSecond, s.SD, false)
}

func (r *Resources) energy(of func(*Energy) map[string]Joules) string {
	if r.Energy == nil || len(of(r.Energy)) == 0 {
		return none
	}
	worst := 0.0
	for _, j := range of(r.Energy) {
		worst = max(worst, j.CV)
	}
	return fmt.Sprintf("%.4g (%.1f %%)", r.millijoules(of), 100*worst)
}

// detailColumns are further figures of the main measurement.
var detailColumns = []column{
	formatColumn,
	{head{"Δp mean", "mean change of the true token's probability ± standard error, percentage points", false, 1}, divergence(func(r *Row) string { return measure(100*r.DeltaP, 100*r.DeltaPSE, true) })},
	{head{"Δp RMS", "its root mean square", false, 1}, divergence(func(r *Row) string { return measure(100*r.RMSDeltaP, 0, false) })},
	deltaQuantile(0, "1 %"), deltaQuantile(1, "5 %"), deltaQuantile(2, "25 %"), deltaQuantile(3, "50 %"), deltaQuantile(4, "75 %"), deltaQuantile(5, "95 %"), deltaQuantile(6, "99 %"),
	quantile("KLD 50 %", func(r *Row) float64 { return r.KLDMedian }),
	quantile("KLD 90 %", func(r *Row) float64 { return r.KLDP90 }),
	quantile("KLD 95 %", func(r *Row) float64 { return r.KLDP95 }),
	quantile("KLD 99 %", func(r *Row) float64 { return r.KLDP99 }),
	quantile("KLD 99.9 %", func(r *Row) float64 { return r.KLDP999 }),
	quantile("KLD max", func(r *Row) float64 { return r.KLDMax }),
	{head{"Entropy", "mean entropy of the predictions, nats", false, 1}, func(r *Row, _ bool) string { return measure(r.Entropy, 0, false) }},
	{head{"Bits/byte", "loss per byte of text", false, 1}, func(r *Row, _ bool) string {
		if !(r.BitsPerByte > 0) {
			return none
		}
		return fmt.Sprintf("%.5f", r.BitsPerByte)
	}},
}

func deltaQuantile(i int, name string) column {
	return column{head{"Δp " + name, "quantile over tokens, percentage points", false, 1}, divergence(func(r *Row) string {
		if i >= len(r.DeltaPs) {
			return none
		}
		return measure(100*r.DeltaPs[i], 0, true)
	})}
}

func quantile(name string, of func(r *Row) float64) column {
	return column{head{name, "quantile over tokens, nats", false, 1}, divergence(func(r *Row) string { return measure(of(r), 0, false) })}
}

// bucketTable is KLD by how sure the source was.
func (m *Model) bucketTable() table {
	heads, edges := []string{"Format"}, []float64{}
	var rows [][]string
	for _, row := range m.sorted() {
		if len(row.Confidence) == 0 {
			continue
		}
		if len(heads) == 1 {
			from := 0.0
			for _, b := range row.Confidence {
				heads = append(heads, fmt.Sprintf("%g to %g (%s)", from, b.Below, plural(int64(b.Tokens), "token")))
				edges = append(edges, b.Below)
				from = b.Below
			}
		}
		cells := []string{clean(row.Format)}
		for i, b := range row.Confidence {
			if i < len(edges) && b.Below == edges[i] {
				cells = append(cells, measure(b.KLD, 0, false))
			}
		}
		if len(cells) == len(heads) {
			rows = append(rows, cells)
		}
	}
	t := textTable(heads, 0)
	t.Rows = rows
	t.Label = "Divergence by confidence of " + clean(m.Name)
	t.Caption = "Mean KLD, nats, of the tokens whose likeliest continuation has such a probability by the source."
	return t
}
