package pipeline

import (
	"bitmill/formats"
	"bitmill/quantize"
	"bitmill/quantize/encode"
	"bitmill/quantize/feedback"
)

// searchValue is what the search of a value takes beside the solver's products, in times of a product with float32: about
// a sixth of a microsecond (Q4_K of demo-l, AVX-512).
const searchValue = 9000

// againPasses is what tokens take that go through parts of layers again for each of their stages, in passes of an artifact.
const againPasses = 0.8

// forecastFeedback adds the steps of method feedback.
func (j *job) forecastFeedback(f *Forecast, r *rates) {
	c := j.source.Checkpoint
	tokens := j.room.Tokens
	w := feedback.WorkOf(c, tokens)
	float := r.exact[formats.F32] / r.threads
	each := w.Moments*r.product[formats.Q8_0]/r.threads + (w.Solving+searchValue*w.Values)*float*float64(max(1, j.o.Recipe.Fit.Starts))
	source, layers := j.sourcePass(), c.Config.Layers
	seconds := r.tokens(tokens, source, layers)
	if w.Logits > 0 { // with an exponential for each
		seconds += r.tokens(w.Logits, source, layers) + r.logits(w.Logits, source, 4*c.Config.Vocab)
	}
	matrices := int64(0)
	for _, a := range j.planned {
		list := a.GGUFTensors()
		if n := int64(countChosen(list, c.Config.Tied)); n > 0 {
			matrices += n
			seconds += each + (1+againPasses*j.room.Again())*r.tokens(tokens, j.passOf(list, false), layers)
		}
	}
	f.Memory, f.Scratch = max(f.Memory, j.room.Memory), max(f.Scratch, j.room.File)
	f.add("feedback "+j.name, "matrices", matrices, seconds)
	if j.method == quantize.Tuned {
		j.forecastTuned(f)
	}
	for _, a := range j.planned {
		f.add("write "+j.artifactName(a.variant), "bytes", j.size.All.Bits/8, (r.hash/r.threads+writeByte)*float64(a.FileBytes)+writeFile)
	}
}

// countChosen counts the matrices that method feedback chooses.
func countChosen(list []formats.Tensor, tied bool) (n int) {
	for _, t := range list {
		head := t.Name == "output.weight" || tied && t.Name == "token_embd.weight"
		if len(t.Shape) >= 2 && t.Rows() > 1 && encode.GridOf(t.Type) != nil && (formats.LayerOf(t.Name) >= 0 || head) {
			n += int(t.Matrices())
		}
	}
	return n
}
