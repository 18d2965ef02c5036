package pipeline

import (
	"bitmill/formats"
	"bitmill/quantize"
)

// forecast adds the job's steps, in their order.
func (j *job) forecast(f *Forecast, r *rates) {
	bytes := j.size.All.Bits / 8
	f.add(ScanTitle(j.source.Checkpoint), "bytes", bytes, float64(bytes)*r.scan/r.threads)
	if n := len(j.calibration); n > 0 && j.given == nil {
		f.add("calibrate "+j.name, "windows", int64(n), r.tokens(n*j.o.Context, j.sourcePass().bf16(), j.source.Config.Layers))
	}
	j.forecastShares(f, r)
	j.forecastFiles(f, r, bytes)
	j.forecastMeasures(f, r)
}

// writeByte and writeFile are what a byte to the disk takes, and a file until it is there, in seconds.
const (
	writeByte = 1e-9
	writeFile = 0.02
)

// forecastFiles adds the steps of choosing types and values.
func (j *job) forecastFiles(f *Forecast, r *rates, bytes int64) {
	for _, a := range j.planned {
		encoding, matrices := 0.0, 0
		for _, t := range a.Tensors {
			if j.choosesType(a, &t) {
				matrices++
				for _, typ := range quantize.TargetTypes(j.hasImatrix()) {
					encoding += float64(quantize.Sampled(t.Tensor)) * (r.encode[typ] + r.decode[typ])
				}
			}
		}
		if matrices > 0 {
			f.add(measureTitle(a.name()), "matrices", int64(matrices), encoding/r.threads)
		}
	}
	encoding, file := 0.0, int64(0)
	type encoded struct {
		name string
		typ  formats.Type
	}
	seen := map[encoded]bool{} // of equal types a tensor is encoded once
	for _, a := range j.planned {
		file += a.FileBytes
		for _, t := range a.Tensors {
			if e := (encoded{t.Name, t.Type}); t.Converted() && !seen[e] {
				seen[e] = true
				encoding += float64(t.Elements()) * r.encode[t.Type]
			}
		}
	}
	f.add("quantize "+j.name, "bytes", bytes, (encoding+float64(file)*r.hash)/r.threads+writeByte*float64(file)+writeFile*float64(len(j.planned)))
	if quantize.Fits(j.method) {
		j.forecastFeedback(f, r)
	}
}

// choosesType reports whether a tensor's type will be chosen by measurement.
func (j *job) choosesType(a planned, t *quantize.Planned) bool {
	if mix := a.Mix(); mix != nil {
		_, ok := mix.Types[t.Name]
		return ok
	}
	return j.o.Recipe.Types == quantize.TypesChosen && t.Converted()
}

// forecastMeasures adds the steps of measuring.
func (j *job) forecastMeasures(f *Forecast, r *rates) {
	values, decoding := int64(0), 0.0
	counted := map[string]bool{}
	for _, a := range j.planned {
		for _, t := range a.Tensors {
			if !t.Type.Quantized() || !t.Converted() {
				continue
			}
			n := compared(t.Elements())
			if !counted[t.Name] {
				counted[t.Name] = true
				values += n
				decoding += float64(n) * r.decode[t.Source]
			}
			decoding += float64(n) * r.decode[t.Type]
		}
	}
	f.add("errors "+j.name, "values", values, decoding/r.threads)
	if len(j.windows) == 0 {
		return
	}
	source := r.window(j, j.sourcePass())
	all := source
	for _, a := range j.planned {
		all += r.window(j, j.passOf(a.GGUFTensors(), false))
	}
	n, models := j.o.Until.likely(len(j.windows)), 1+len(j.planned)
	few := 0
	if !j.o.NoNoiseFloor {
		few = min(noiseWindows, n)
	}
	f.add("evaluate "+j.name, "model windows", int64(n*models+few),
		float64(n)*all+float64(few)*r.window(j, j.sourcePass().bf16()))
	if j.method != quantize.Reference {
		if !j.o.CompareMethods {
			n = min(n, sampleWindows)
		}
		f.add("evaluate references of "+j.name, "model windows", int64(n*models), float64(n)*all)
	}
	j.forecastTasks(f, r)
	if j.o.Bench {
		bytes := j.size.All.Bits / 8
		for _, a := range j.planned {
			bytes += a.PayloadBits / 8
		}
		rounds := (benchTests.Repetitions + 1) * models // they are loaded before, which takes little
		prompt, generate := float64(benchTests.Tests[0].Tokens), float64(benchTests.Tests[1].Tokens)
		seconds := prompt/float64(j.o.Context)*all + generate*readTime(bytes)
		f.add("bench "+j.name, "rounds", int64(rounds), float64(benchTests.Repetitions+1)*seconds)
	}
}

// window is what one window of the text takes.
func (r *rates) window(j *job, p pass) float64 {
	c := j.source.Config
	return r.tokens(j.o.Context, p, c.Layers) + r.logits(scoredTokens(j.o.Context), p, c.Vocab)
}

// scoredTokens are those of a window whose logits are scored.
func scoredTokens(context int) int { return context - 1 - context/2 }

// readTime is about what reading weights takes, as one generated token does.
func readTime(bytes int64) float64 {
	const perSecond = 10e9
	return float64(bytes) / perSecond
}

// compared is how many values of a tensor are compared with the source's: see package diff.
func compared(n int64) int64 {
	const whole, sampled = 16 << 20, 4 << 20
	if n > whole {
		return sampled
	}
	return n
}

// hasImatrix reports whether there will be an importance matrix.
func (j *job) hasImatrix() bool { return j.given != nil || j.calibration != nil }
