package infer

import "fmt"

// Replace puts other weights of the same type and shape in the place of a tensor's, or of one matrix of a stack.
// Products that are queued already, as during Options.Observe, use them. The data must outlive the model.
func (m *Model) Replace(name string, expert int, data []byte) error {
	at := 0
	put := func(w *Linear) {
		if w.Name == name && w.Expert == expert && at+len(w.Data) <= len(data) {
			w.Data = data[at : at+len(w.Data)]
			at += len(w.Data)
		}
	}
	if name == "token_embd.weight" && len(data) == len(m.embedding.Data) {
		m.embedding.Data, at = data, len(data)
		if m.output.Name == name {
			m.output.Data = data
		}
	} else {
		m.each(put)
		put(&m.output)
	}
	if at != len(data) || at == 0 {
		return fmt.Errorf("tensor %s: %d bytes, where the model has a matrix of %d", name, len(data), at)
	}
	return nil
}

// FinalNorm replaces rows of the residual stream by their norm in front of the output matrix.
func (r *Runner) FinalNorm(m *Model, x []float32) {
	p, width := &r.pass, m.Config.Width
	p.m = m
	for at := 0; at < len(x); at += width {
		p.normalize(x[at:at+width], x[at:at+width], m.outputNorm)
	}
}

// Each calls f with all matrices of the layers.
func (m *Model) Each(f func(*Linear)) { m.each(f) }

// Continued reports whether the matrix is a part, but not the first, of a tensor that holds several.
func (w *Linear) Continued() bool { return w.later }

// Cut fails when Layers cannot run the layers from one on without those before it.
func (m *Model) Cut(layer int) error { return m.CutPart(m.first(layer)) }

// CutPart is Cut for Parts.
func (m *Model) CutPart(part int) error { return m.alone(part, m.PartCount()) }

// Output is the output matrix.
func (m *Model) Output() *Linear { return &m.output }
