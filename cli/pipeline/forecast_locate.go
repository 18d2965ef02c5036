package pipeline

import (
	"cmp"
	"slices"

	"bitmill/eval/threshold"
	"bitmill/quantize"
)

// probeRounds is in how many evaluations the probes are measured, by experience; each takes the logits of the reference,
// whose states are kept.
const probeRounds = 3

// searched are the thresholds that will be searched for: the economy where the family has a smaller model.
func (p *prepared) searched(j *job) (list []string) {
	if j.windows == nil {
		return nil
	}
	for _, t := range p.o.Locate {
		if t == threshold.ForFidelity || slices.ContainsFunc(p.jobs, func(x *job) bool {
			return x.source.Config.Family == j.source.Config.Family && x.size.All.Weights < j.size.All.Weights
		}) {
			list = append(list, t)
		}
	}
	return list
}

// forecastSearches adds the searches for thresholds.
func (p *prepared) forecastSearches(f *Forecast, all []*rates) {
	order := make([]int, len(p.jobs))
	for i := range order {
		order[i] = i
	}
	slices.SortStableFunc(order, func(a, b int) int { return cmp.Compare(p.jobs[a].size.All.Weights, p.jobs[b].size.All.Weights) })
	for _, i := range order {
		j, r := p.jobs[i], all[i]
		if n := likelyProbes(p.searched(j)); n > 0 && len(j.planned) > 0 {
			f.add(locateTitle(j.name), "probes", int64(n), j.probeSeconds(r, n))
		}
	}
}

// probeSeconds is what choosing types and n probes take. A value is encoded in few types, as probes share tensors.
func (j *job) probeSeconds(r *rates, n int) float64 {
	const types = 4
	smallest, values, sampled := j.smallest(), 0.0, 0.0
	for _, t := range smallest.Tensors {
		if t.Type.Quantized() {
			values, sampled = values+float64(t.Elements()), sampled+float64(quantize.Sampled(t.Tensor))
		}
	}
	list := quantize.TargetTypes(j.hasImatrix())
	one, back := 0.0, 0.0
	for _, t := range list {
		one, back = one+r.encode[t], back+r.decode[t]
	}
	seconds := (sampled*(one+back) + types*values*one/float64(len(list))) / r.threads
	window := r.window(j, j.passOf(smallest.GGUFTensors(), false))
	logits := r.logits(scoredTokens(j.o.Context), j.sourcePass(), j.source.Config.Vocab)
	return seconds + float64(len(j.windows))*(float64(n)*window+probeRounds*logits)
}

// smallest is the smallest of the planned artifacts; probes are about as large.
func (j *job) smallest() planned {
	return slices.MinFunc(j.planned, func(a, b planned) int { return cmp.Compare(a.FileBytes, b.FileBytes) })
}

// probeBytes is about what the probes of a job take on the disk at a time.
func (p *prepared) probeBytes(j *job) int64 {
	n := likelyProbes(p.searched(j))
	if n == 0 || len(j.planned) == 0 {
		return 0
	}
	if !p.o.KeepProbes {
		n = min(n, keptFiles+2)
	}
	return int64(n) * j.smallest().FileBytes
}
