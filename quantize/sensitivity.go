package quantize

import (
	"context"
	"fmt"
	"math"
	"runtime"
	"sync"

	"bitmill/formats/block"
	"bitmill/formats/checkpoint"
	"bitmill/formats/imatrix"
	"bitmill/quantize/encode"
)

// So many values of a tensor are encoded to measure a type's error, but from so many rows at least.
const (
	sampleValues = 1 << 14
	sampleRows   = 16
)

// MeasureOptions says how errors are measured; nothing that is measured depends on it.
type MeasureOptions struct {
	Threads  int                     // 0: one per processor
	Progress func(done, total int64) // matrices; called by one goroutine at a time; may be nil
}

// sensitivities is the divergence that an error in a matrix of a role causes, beside an equal one in ffn_down. It was
// measured with one role at a time quantized and everything else as it is, on three models of the llama family: two of
// 3 layers (demo-s, demo-l) and SmolLM2-135M of 30; these are rounded means. On each, the divergence was proportional to
// the error (why, shows Malinovskii et al. 2024, arXiv:2411.17525). The models agree on values, ffn_up and ffn_down, and
// differ most on attn_output (1.05, 1.05 and 0.1). Roles that they lack count as what they take the place of.
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

// sensitivity weighs a role's error. An error in a layer's matrix is diluted by what all others add to the residual
// stream, one in the output matrix is not: measured were 10 and 11 with 3 layers, 24 with 30.
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

// measureChoices sets the error of every option.
func measureChoices(ctx context.Context, c *checkpoint.Checkpoint, imatrix *imatrix.Matrix, list []choice, o MeasureOptions) error {
	if o.Threads <= 0 {
		o.Threads = runtime.GOMAXPROCS(0)
	}
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	var mu sync.Mutex
	next, done := 0, int64(0)
	take := func() (i int) {
		mu.Lock()
		defer mu.Unlock()
		next++
		return next - 1
	}
	var wg sync.WaitGroup
	for range o.Threads {
		wg.Go(func() {
			for i := take(); i < len(list) && ctx.Err() == nil; i = take() {
				if err := list[i].measure(&c.Tensors[list[i].index], imatrix); err != nil {
					cancel(fmt.Errorf("tensor %s: %w", list[i].name, err))
				}
				mu.Lock()
				done++
				if o.Progress != nil {
					o.Progress(done, int64(len(list)))
				}
				mu.Unlock()
			}
		})
	}
	wg.Wait()
	return context.Cause(ctx)
}

// measure encodes sampled rows as every type.
func (ch *choice) measure(t *checkpoint.Tensor, imatrix *imatrix.Matrix) error {
	cols, rows := t.Cols(), t.Rows()
	n := min(rows, max(sampleRows, sampleValues/max(cols, 1)))
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
		total += weightedSquares(values, nil, w)
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
			if err := block.Decode(o.typ, back, buffer[:size]); err != nil {
				return err
			}
			o.err += weightedSquares(values, back, w)
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

// weightedSquares is the sum of w·(x-y)²; y may be nil for zeros, w for ones.
func weightedSquares(x, y, w []float32) (sum float64) {
	for i, v := range x {
		d := float64(v)
		if y != nil {
			d -= float64(y[i])
		}
		if w != nil {
			sum += float64(float64(w[i]) * float64(d*d))
		} else {
			sum += float64(d * d)
		}
	}
	return sum
}
