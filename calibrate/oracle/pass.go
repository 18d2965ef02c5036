package oracle

import (
	"context"
	"fmt"

	"github.com/gomlx/gomlx/core/tensors"
)

// run is Logits with the lock held.
func (o *Oracle) run(ctx context.Context, tokens []int32) (logits [][]float32, err error) {
	x, err := o.stream(ctx, tokens)
	if err != nil {
		return nil, err
	}
	defer release(x)
	err = guard("output", func() (err error) {
		logits, err = o.runHead(ctx, x, len(tokens))
		return err
	})
	return logits, err
}

// stream is the residual stream behind the last layer: [len(tokens), width].
func (o *Oracle) stream(ctx context.Context, tokens []int32) (*tensors.Tensor, error) {
	x, err := o.embed(tokens)
	if err == nil {
		err = guard("building the graph", func() error { return o.prepare(len(tokens)) })
	}
	for i := 0; err == nil && i < o.model.config.Layers; i++ {
		if err = ctx.Err(); err == nil {
			err = guard(fmt.Sprintf("layer %d", i), func() (err error) {
				x, err = o.runLayer(i, x)
				return err
			})
		}
	}
	if err != nil {
		release(x)
		return nil, err
	}
	return x, nil
}

// embed looks the tokens up: [len(tokens), width].
func (o *Oracle) embed(tokens []int32) (*tensors.Tensor, error) {
	k := o.model.config
	x := make([]float32, len(tokens)*k.Width)
	for i, id := range tokens {
		if id < 0 || int(id) >= k.Vocab {
			return nil, fmt.Errorf("token %d at position %d is outside the vocabulary of %d", id, i, k.Vocab)
		}
		if err := o.model.embed.Floats(x[i*k.Width:(i+1)*k.Width], int64(id), 1); err != nil {
			return nil, fmt.Errorf("tensor %s: %w", o.model.embed.Name, err)
		}
	}
	return tensors.FromFlatDataAndDimensions(x, len(tokens), k.Width), nil
}

// runLayer feeds x through layer i and frees it.
func (o *Oracle) runLayer(i int, x *tensors.Tensor) (*tensors.Tensor, error) {
	g, k := o.graphs, &o.model.config
	args := []any{x, g.masks[k.Windowed(i)], g.cos, g.sin, g.rotation}
	for j, r := range o.model.roles {
		t := o.model.layers[i][j]
		w, err := o.load(r.name, t, 0, t.Rows(), r.dims...)
		if err != nil {
			return x, err
		}
		args = append(args, w)
	}
	out, err := g.layer.Call(args...)
	if err != nil {
		return x, err
	}
	release(x)
	return out[0], nil
}

// runHead multiplies the last layer's output with the output matrix, slab by slab of the vocabulary.
func (o *Oracle) runHead(ctx context.Context, x *tensors.Tensor, n int) ([][]float32, error) {
	k := o.model.config
	gain, err := o.load("output_norm", o.model.norm, 0, 1, k.Width)
	if err != nil {
		return nil, err
	}
	flat := make([]float32, n*k.Vocab)
	logits := make([][]float32, n)
	for i := range logits {
		logits[i] = flat[i*k.Vocab : (i+1)*k.Vocab : (i+1)*k.Vocab]
	}
	for first := 0; first < k.Vocab; first += o.model.slab {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		rows := min(o.model.slab, k.Vocab-first)
		slab, err := o.load("output", o.model.head, int64(first), int64(rows), rows, k.Width)
		if err != nil {
			return nil, err
		}
		out, err := o.graphs.head.Call(x, gain, slab)
		if err != nil {
			return nil, err
		}
		err = tensors.ConstFlatData(out[0], func(scores []float32) {
			for i := range logits {
				copy(logits[i][first:], scores[i*rows:(i+1)*rows])
			}
		})
		release(out[0])
		if err != nil {
			return nil, err
		}
	}
	return logits, nil
}
