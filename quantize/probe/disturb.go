package probe

import (
	"cmp"
	"hash/fnv"
	"math/rand/v2"

	"bitmill/formats"
	"bitmill/formats/block"
	"bitmill/quantize/encode"
)

// disturbed is a tensor with errors in it.
type disturbed struct {
	*probe
	name    string
	weights []float32 // of the columns, of each matrix of a stack; nil: 1

	values, errors float64 // sums of squares, weighted
}

// randomStep is how far random errors go, over the largest value of thirty-two: those of four bits go as far.
const randomStep = 0.05

// matrix is a matrix of the tensor with errors, in its own type.
func (d *disturbed) matrix(typ formats.Type, data []byte, rows, cols, expert, part int) ([]byte, error) {
	weights := d.weights
	if at := expert * cols; len(weights) >= at+cols {
		weights = weights[at : at+cols]
	}
	if len(weights) != cols {
		weights = nil
	}
	h := fnv.New64a()
	h.Write([]byte(d.name))
	out, size := make([]byte, len(data)), len(data)/rows
	values, errs, failed := make([]float64, rows), make([]float64, rows), make([]error, rows)
	d.pool.Run(rows, func(_, r int) {
		x, y := make([]float32, cols), make([]float32, cols)
		own, moved := data[r*size:][:size], out[r*size:][:size]
		rng := rand.New(rand.NewPCG(h.Sum64(), uint64(part)<<32|uint64(r)))
		failed[r] = block.Decode(typ, x, own)
		failed[r] = cmp.Or(failed[r], d.row(y, x, weights, rng))
		failed[r] = cmp.Or(failed[r], encode.Encode(typ, moved, y, cols, nil))
		failed[r] = cmp.Or(failed[r], block.Decode(typ, y, moved))
		values[r], errs[r] = block.SquaredError(x, nil, weights), block.SquaredError(x, y, weights)
	})
	for r := range rows {
		d.values, d.errors = d.values+values[r], d.errors+errs[r]
	}
	return out, cmp.Or(failed...)
}

// row sets y to x with errors.
func (d *disturbed) row(y, x, weights []float32, rng *rand.Rand) error {
	if typ, ok := coarse(len(x)); ok && d.Encoder {
		size, err := typ.RowBytes(int64(len(x)))
		if err != nil {
			return err
		}
		data := make([]byte, size)
		if err := encode.Encode(typ, data, x, len(x), weights); err != nil {
			return err
		}
		return block.Decode(typ, y, data)
	}
	for at := 0; at < len(x); at += 32 {
		end, top := min(len(x), at+32), float32(0)
		for _, v := range x[at:end] {
			top = max(top, v, -v)
		}
		for i := at; i < end; i++ {
			y[i] = x[i] + randomStep*top*(2*rng.Float32()-1)
		}
	}
	return nil
}
