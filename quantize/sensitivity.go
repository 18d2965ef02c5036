package quantize

import (
	"context"
	"fmt"
	"math"

	"bitmill/formats"
	"bitmill/formats/block"
	"bitmill/formats/checkpoint"
	"bitmill/formats/imatrix"
	"bitmill/quantize/encode"
)

// The sample of a tensor that is encoded to measure a type's error: about this many values, but at least this many
// rows.
const (
	sampleValues = 1 << 14
	sampleRows   = 16
)

// sensitivities is the divergence that an error in a matrix of a role causes, relative to an equal error in ffn_down.
// It was measured with one role at a time quantized and everything else unchanged, on three models of the llama family:
// two of 3 layers (demo-s, demo-l) and SmolLM2-135M of 30; these are rounded means. On each, the divergence was
// proportional to the error (Malinovskii et al. 2024, arXiv:2411.17525, show why). The models agree on values, ffn_up
// and ffn_down, and differ most on attn_output (1.05, 1.05 and 0.1). A role that they lack counts as the one that it
// replaces.
var sensitivities = []struct {
	roles Role
	share float64
}{
	{Query | Key, 0.2},
	{Value | QKV | KVB, 1},
	{Attention, 0.6},
	{Gate, 0.5},
	{Up, 0.55},
}

// sensitivity is the weight of a role's error. An error in a layer's matrix is diluted by what all others add to the
// residual stream, one in the output matrix is not: 10 and 11 were measured with 3 layers, 24 with 30.
func sensitivity(r Role, layers int) float64 {
	if r&Output != 0 {
		return 8 * math.Cbrt(float64(max(layers, 1)))
	}
	for _, s := range sensitivities {
		if r&s.roles != 0 {
			return s.share
		}
	}
	return 1
}

// sharesOf returns the weight of each tensor's error: of Options.Shares, or of its role, as much smaller or larger than
// the former are on the whole.
func sharesOf(p *Plan, layers int) func(t *Planned) float64 {
	of, scale, count := p.Options.Shares, 0.0, 0
	for i := range p.Tensors {
		t := &p.Tensors[i]
		if v := of[t.Name]; v > 0 && t.ruled {
			scale, count = scale+math.Log(v/sensitivity(t.Role, layers)), count+1
		}
	}
	if count > 0 {
		scale = math.Exp(scale / float64(count))
	} else {
		scale = 1
	}
	return func(t *Planned) float64 {
		if v := of[t.Name]; v > 0 {
			return v
		}
		return scale * sensitivity(t.Role, layers)
	}
}

// measureChoices sets the error of every option; o.Progress counts matrices.
func measureChoices(ctx context.Context, c *checkpoint.Checkpoint, imatrix *imatrix.Matrix, list []choice,
	o checkpoint.Pass) error {
	return o.Each(ctx, len(list), int64(len(list)), func(_ context.Context, i int, report func(int64)) error {
		if err := list[i].measure(&c.Tensors[list[i].index], imatrix); err != nil {
			return fmt.Errorf("tensor %s: %w", list[i].name, err)
		}
		report(1)
		return nil
	})
}

// assumeErrors sets the errors from sizes: a bit halves the step between two levels.
func assumeErrors(list []choice) {
	for i := range list {
		ch := &list[i]
		for k := range ch.options {
			o := &ch.options[k]
			o.err = ch.share * math.Exp2(-16*float64(o.bytes)/float64(ch.values))
		}
	}
}

// Sampled is how many values of a tensor are encoded to measure a type's error.
func Sampled(t formats.Tensor) int64 { return sampledRows(t.Rows(), t.Cols()) * t.Cols() }

func sampledRows(rows, cols int64) int64 {
	return min(rows, max(sampleRows, sampleValues/max(cols, 1)))
}

// measure encodes sampled rows as every type; one that cannot hold them has an infinite error.
func (ch *choice) measure(t *checkpoint.Tensor, imatrix *imatrix.Matrix) error {
	cols, rows := t.Cols(), t.Rows()
	n := sampledRows(rows, cols)
	values, back := make([]float32, cols), make([]float32, cols)
	var weights []float32
	if ch.weighted {
		e, _ := entry(imatrix, ch.name)
		weights = e.Weights()
	}
	perMatrix := rows / max(1, t.Matrices())
	var buffer []byte
	total := 0.0
	for i := range n {
		row := i * rows / n
		if err := t.Floats(values, row, 1); err != nil {
			return err
		}
		var w []float32
		if weights != nil {
			m := row / perMatrix
			w = weights[m*cols : (m+1)*cols]
		}
		total += block.SquaredError(values, nil, w)
		magnitude := encode.Magnitude(values)
		for k := range ch.options {
			o := &ch.options[k]
			if o.typ == t.Type {
				continue
			}
			size, err := o.typ.RowBytes(cols)
			if err != nil {
				return err
			}
			if int64(cap(buffer)) < size {
				buffer = make([]byte, size)
			}
			if err := encode.Encode(o.typ, buffer[:size], values, int(cols), w); err != nil {
				return err
			}
			if encode.OutOfRange(o.typ, buffer[:size], values, magnitude) >= 0 {
				o.err = math.Inf(1) // the type cannot hold the tensor
				continue
			}
			if err := block.Decode(o.typ, back, buffer[:size]); err != nil {
				return err
			}
			o.err += block.SquaredError(values, back, w)
		}
		t.Release(row, 1)
	}
	for k := range ch.options {
		if total > 0 {
			ch.options[k].err *= ch.share / total
		}
	}
	return nil
}
