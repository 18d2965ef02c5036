package pipeline

import (
	"bitmill/formats"
	"bitmill/formats/checkpoint"
)

// pass is what one token costs in a forward pass, in products of a weight and an activation, by type.
type pass struct {
	layers, head map[formats.Type]float64
	exact        bool // activations are not rounded
}

// passOf counts a pass through tensors of the job's model, which may have other types than the source's.
func (j *job) passOf(tensors []formats.Tensor, exact bool) pass {
	p := pass{layers: map[formats.Type]float64{}, head: map[formats.Type]float64{}, exact: exact}
	c := j.source.Config
	for _, t := range tensors {
		n := float64(t.Elements())
		switch {
		case len(t.Shape) < 2 || t.Rows() < 2:
		case formats.LayerOf(t.Name) >= 0:
			if experts := t.Matrices(); experts > 1 {
				n *= min(1, float64(c.Experts.Used)/float64(experts))
			}
			p.layers[t.Type] += n * float64(max(1, c.Loops))
		case t.Name == "output.weight" || c.Tied && t.Name == "token_embd.weight":
			p.head[t.Type] += n
		}
	}
	return p
}

// sourcePass is that of the source, whose activations are not rounded.
func (j *job) sourcePass() pass { return j.passOf(tensorsOf(j.source.Checkpoint), true) }

func tensorsOf(c *checkpoint.Checkpoint) []formats.Tensor {
	list := make([]formats.Tensor, len(c.Tensors))
	for i := range c.Tensors {
		list[i] = c.Tensors[i].Tensor
	}
	return list
}

// bf16 is the pass with activations rounded to BF16.
func (p pass) bf16() pass {
	p.exact = false
	return p
}

// sum adds up products.
func sum(products map[formats.Type]float64) (n float64) {
	for _, x := range products {
		n += x
	}
	return n
}

// products is what products take, on all threads.
func (r *rates) products(list map[formats.Type]float64, exact bool) (seconds float64) {
	for t, n := range list {
		one, ok := r.product[t]
		if exact {
			one, ok = r.exact[t]
		}
		if !ok {
			one = r.exact[formats.F32]
		}
		seconds += n * one
	}
	return seconds / r.threads
}

// tokens is what so many tokens take in all layers.
func (r *rates) tokens(n int, p pass, layers int) float64 {
	return float64(n) * (r.products(p.layers, p.exact) + float64(layers)*r.beside/r.threads)
}

// logits is what the logits of so many tokens and their scores take.
func (r *rates) logits(n int, p pass, vocabulary int) float64 {
	return float64(n) * (r.products(p.head, p.exact) + float64(vocabulary)*r.score/r.threads)
}
