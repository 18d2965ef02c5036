package diff

import (
	"bytes"
	"context"
	"math"
	"sync"

	"bitmill/formats"
	"bitmill/formats/block"
	"bitmill/formats/file"
)

// Tensor is a tensor on both sides.
type Tensor struct {
	Name  string
	A, B  formats.Tensor
	Shape bool   // the shapes differ: nothing else was compared
	Bytes bool   // the types are the same, the stored bytes differ
	Value Values // the differences of the values
}

func (t *Tensor) differs() bool { return t.Shape || t.Bytes || t.A.Type != t.B.Type }

// Values measures the distance between the values a of A and b of B. Pairs with a NaN or an infinity are only counted.
type Values struct {
	Known     bool    // both types can be decoded
	Differing int64   // pairs that differ
	NotFinite int64   // pairs that hold a NaN or an infinity
	MaxAbs    float64 // max |a-b|
	Relative  float64 // sqrt(sum (a-b)^2 / sum a^2): the RMSE over A's RMS; NaN when A is zero and B is not
	Cosine    float64 // sum ab / sqrt(sum a^2 sum b^2); NaN when exactly one of them is zero
}

// sums are the sums that Values is computed from.
type sums struct{ aa, bb, ab, dd float64 }

// worker holds the buffers for one tensor at a time.
type worker struct {
	rawA, rawB []byte
	a, b       []float32
}

var workers = sync.Pool{New: func() any { return new(worker) }}

func (w *worker) compare(ctx context.Context, p pair, report func(int64)) (Tensor, error) {
	t := Tensor{Name: p.a.Name, A: p.a.Tensor, B: p.b.Tensor, Shape: !p.a.SameShape(p.b.Tensor)}
	if t.Shape {
		return t, nil
	}
	t.Value.Known = block.Known(p.a.Type) && block.Known(p.b.Type)
	// Equal bytes need no decoding.
	seen := int64(0)
	if p.a.Type == p.b.Type {
		err := w.chunks(ctx, p, func(a, b []byte, n int64) (more bool, err error) {
			t.Bytes = !bytes.Equal(a, b)
			report(n)
			seen += n
			return !t.Bytes, nil
		})
		if err != nil || !t.Bytes {
			t.Value.finish(sums{})
			return t, err
		}
	}
	var s sums
	done := int64(0)
	err := w.chunks(ctx, p, func(a, b []byte, n int64) (more bool, err error) {
		if done += n; done > seen {
			report(n)
		}
		if t.Value.Known {
			err = w.values(&t.Value, &s, p, a, b, n)
		}
		return true, err
	})
	t.Value.finish(s)
	return t, err
}

// chunks visits the stored bytes of both tensors, n values at a time, front to back.
func (w *worker) chunks(ctx context.Context, p pair, visit func(a, b []byte, n int64) (more bool, err error)) error {
	defer p.a.Release(0, p.a.Rows())
	defer p.b.Release(0, p.b.Rows())
	step := p.a.ChunkLen(p.b)
	for first := int64(0); first < p.a.Elements(); first += step {
		if err := ctx.Err(); err != nil {
			return err
		}
		n := min(step, p.a.Elements()-first)
		a, err := p.a.Chunk(&w.rawA, first, n)
		if err != nil {
			return err
		}
		b, err := p.b.Chunk(&w.rawB, first, n)
		if err != nil {
			return err
		}
		if more, err := visit(a, b, n); err != nil || !more {
			return err
		}
		file.Release(a)
		file.Release(b)
	}
	return nil
}

// values adds one chunk.
func (w *worker) values(v *Values, s *sums, p pair, a, b []byte, n int64) error {
	if int64(cap(w.a)) < n {
		w.a, w.b = make([]float32, n), make([]float32, n)
	}
	x, y := w.a[:n], w.b[:n]
	if err := block.Decode(p.a.Type, x, a); err != nil {
		return err
	}
	if err := block.Decode(p.b.Type, y, b); err != nil {
		return err
	}
	for i := range x {
		fx, fy := float64(x[i]), float64(y[i])
		d := fx - fy
		if d-d != 0 { // a NaN or an infinity
			if math.Float32bits(x[i]) != math.Float32bits(y[i]) {
				v.Differing++
			}
			v.NotFinite++
			continue
		}
		if d != 0 {
			v.Differing++
			v.MaxAbs = max(v.MaxAbs, math.Abs(d))
		}
		s.aa += float64(fx * fx)
		s.bb += float64(fy * fy)
		s.ab += float64(fx * fy)
		s.dd += float64(d * d)
	}
	return nil
}

func (v *Values) finish(s sums) {
	v.Relative, v.Cosine = math.Sqrt(s.dd/s.aa), s.ab/(math.Sqrt(s.aa)*math.Sqrt(s.bb))
	if s.dd == 0 { // the same, or both zero
		v.Relative, v.Cosine = 0, 1
	} else if s.aa == 0 {
		v.Relative, v.Cosine = math.NaN(), math.NaN()
	} else if s.bb == 0 {
		v.Cosine = math.NaN()
	}
	v.Cosine = min(v.Cosine, 1)
}
