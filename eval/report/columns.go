package report

import (
	"fmt"
	"math"
	"slices"
)

// column is a column of a table of formats.
type column struct {
	head
	cell func(r *Row, source bool) string
}

// ofAll is a column for artifacts and the source.
func ofAll(name, title string, rank int, f func(r *Row) string) column {
	return column{head{name, title, false, rank}, func(r *Row, _ bool) string { return f(r) }}
}

// ofArtifacts is a column for artifacts that were compared with the source.
func ofArtifacts(name, title string, rank int, f func(r *Row) string) column {
	return column{head{name, title, false, rank}, func(r *Row, source bool) string {
		if source || !r.Compared() {
			return none
		}
		return f(r)
	}}
}

// ofMeasured is a column for files whose resources were measured.
func ofMeasured(name, title string, rank int, f func(r *Resources) string) column {
	return ofAll(name, title, rank, func(r *Row) string {
		if r.Resources == nil {
			return none
		}
		return f(r.Resources)
	})
}

// formatColumn begins every table of formats.
var formatColumn = column{head{"Format", "", true, 0}, func(r *Row, source bool) string {
	if source {
		return clean(r.Format) + " (source)"
	}
	return clean(r.Format)
}}

// columns are the main table's.
var columns = []column{
	formatColumn,
	ofAll("BPW", "payload bits per weight, all tensors", 0,
		func(r *Row) string { return or(bpwOf(r.PayloadBits, r.Weights)) }),
	ofAll("Matrices", "bits per weight of the matrices only", 6,
		func(r *Row) string { return or(bpwOf(r.MatrixBits, r.MatrixWeights)) }),
	ofAll("Size", "whole file", 0, func(r *Row) string { return size(r.FileBytes) }),
	ofAll("PPL", "perplexity ± standard error", 1, perplexity),
	ofArtifacts("Δ ln PPL", "change of the mean loss against the source, nats per token, paired", 3,
		func(r *Row) string { return measure(r.LnRatio, r.LnRatioSE, true) }),
	ofArtifacts("KLD", "mean KL divergence from the source, nats per token", 0,
		func(r *Row) string { return kld(r.KLD, r.KLDSE) }),
	ofArtifacts("95 % interval", "of the KLD over the whole text, of which a part was scored; it holds at any look", 4,
		func(r *Row) string {
			if r.Sample == nil {
				return none
			}
			return fromTo(r.Sample.Low, r.Sample.High)
		}),
	ofAll("Windows", "of the text, scored and all", 2, func(r *Row) string {
		if r.Sample == nil {
			return none
		}
		return fmt.Sprintf("%d/%d", r.Sample.Windows, r.Sample.Of)
	}),
	ofArtifacts("KLD, reference", "the same as the encoders make the file, with llama-quantize's choices; ≈ from a few windows", 1,
		func(r *Row) string {
			if r.Reference == nil {
				return none
			}
			about := ""
			if r.Reference.Windows > 0 {
				about = "≈ "
			}
			return about + kld(r.Reference.KLD, r.Reference.KLDSE)
		}),
	ofArtifacts("KLD 99 %", "99th percentile over tokens", 5, func(r *Row) string { return measure(r.KLDP99, 0, false) }),
	ofArtifacts("Same top", "share of tokens whose likeliest continuation is the source's", 2,
		func(r *Row) string { return percent(r.SameTop) }),
	{head{"Fallbacks", "tensors that could not take the type the format asks for, and their share of the weights", false, 4},
		func(r *Row, source bool) string {
			switch {
			case source:
				return none
			case r.Fallbacks == 0:
				return "0"
			default:
				return fmt.Sprintf("%d (%.1f %%)", r.Fallbacks, 100*r.FallbackShare)
			}
		}},
}

// gradedColumns end with the word that the page shows beside the files.
var gradedColumns = append(slices.Clone(columns), ofArtifacts("Quality", "a word for KLD and same top", 3,
	func(r *Row) string { return r.Grade().String() }))

// resourceColumns are speed and memory.
var resourceColumns = []column{
	formatColumn,
	ofMeasured("Prompt t/s", "tokens of a prompt per second ± standard deviation", 1,
		func(r *Resources) string { return r.Prompt.String() }),
	ofMeasured("Generated t/s", "single tokens per second ± standard deviation", 1,
		func(r *Resources) string { return r.Generate.String() }),
	ofMeasured("Memory", "peak: weights, keys and values, scratch", 1,
		func(r *Resources) string { return size(r.MemoryBytes) }),
	ofMeasured("KV", "keys and values of the longest test", 3, func(r *Resources) string { return size(r.KVBytes) }),
	ofMeasured("Scratch", "activations and unpacked weights", 3,
		func(r *Resources) string { return size(r.ScratchBytes) }),
	ofMeasured("Load", "from opening the file, which is in memory, until it can run", 4,
		func(r *Resources) string { return fmt.Sprintf("%.3f s", r.LoadSeconds) }),
	ofMeasured("Prompt mJ", "energy per token of a prompt, idle subtracted (CV)", 2,
		func(r *Resources) string { return r.energy(ofPrompt) }),
	ofMeasured("Generated mJ", "energy per generated token, idle subtracted (CV)", 2,
		func(r *Resources) string { return r.energy(ofGenerated) }),
}

// changeColumns are how the true token's probability changes.
var changeColumns = []column{
	formatColumn,
	ofArtifacts("Δp mean", "mean change of the true token's probability ± standard error, percentage points", 1,
		func(r *Row) string { return measure(100*r.DeltaP, 100*r.DeltaPSE, true) }),
	ofArtifacts("Δp RMS", "its root mean square", 1, func(r *Row) string { return measure(100*r.RMSDeltaP, 0, false) }),
	deltaQuantile(0, "1 %"), deltaQuantile(1, "5 %"), deltaQuantile(2, "25 %"), deltaQuantile(3, "50 %"),
	deltaQuantile(4, "75 %"), deltaQuantile(5, "95 %"), deltaQuantile(6, "99 %"),
}

// quantileColumns are further figures of the divergence and of the loss.
var quantileColumns = []column{
	formatColumn,
	quantile("KLD 50 %", func(r *Row) float64 { return r.KLDMedian }),
	quantile("KLD 90 %", func(r *Row) float64 { return r.KLDP90 }),
	quantile("KLD 95 %", func(r *Row) float64 { return r.KLDP95 }),
	quantile("KLD 99 %", func(r *Row) float64 { return r.KLDP99 }),
	quantile("KLD 99.9 %", func(r *Row) float64 { return r.KLDP999 }),
	quantile("KLD max", func(r *Row) float64 { return r.KLDMax }),
	ofAll("Entropy", "mean entropy of the predictions, nats", 1,
		func(r *Row) string { return measure(r.Entropy, 0, false) }),
	ofAll("Bits/byte", "loss per byte of text", 1, func(r *Row) string {
		if !(r.BitsPerByte > 0) {
			return none
		}
		return fmt.Sprintf("%.5f", r.BitsPerByte)
	}),
}

// kld is a divergence with its error; what is too small to be one is 0.
func kld(x, se float64) string {
	if math.Abs(x) < drawnKLD {
		return "0"
	}
	return measure(x, se, false)
}

func deltaQuantile(i int, name string) column {
	return ofArtifacts("Δp "+name, "quantile over tokens, percentage points", 1, func(r *Row) string {
		if i >= len(r.DeltaPs) {
			return none
		}
		return measure(100*r.DeltaPs[i], 0, true)
	})
}

func quantile(name string, of func(r *Row) float64) column {
	return ofArtifacts(name, "quantile over tokens, nats", 1, func(r *Row) string { return measure(of(r), 0, false) })
}
