// Package diff compares two models: metadata, tensors, their types, shapes, bytes and values.
package diff

import (
	"context"

	"bitmill/formats/checkpoint"
)

// Difference lists the differences, in the order of A, or of B for keys and tensors that only B has.
type Difference struct {
	Keys, Tensors int // that both have

	KeysOnlyA, KeysOnlyB []string
	KeysDiffer           []Key
	KeyOrder             *Swap // nil: the keys that both have are in the same order

	TensorsOnlyA, TensorsOnlyB []string
	TensorsDiffer              []Tensor
	TensorOrder                *Swap
}

// Equal reports whether nothing differs.
func (d *Difference) Equal() bool {
	return len(d.KeysOnlyA)+len(d.KeysOnlyB)+len(d.KeysDiffer) == 0 &&
		len(d.TensorsOnlyA)+len(d.TensorsOnlyB)+len(d.TensorsDiffer) == 0 &&
		d.KeyOrder == nil && d.TensorOrder == nil
}

// Models compares two open models. It reads all data that both have once, in chunks, with bounded memory. Progress
// counts values.
func Models(ctx context.Context, a, b *checkpoint.Checkpoint, o checkpoint.Pass) (*Difference, error) {
	d := &Difference{}
	d.metadata(a.Metadata, b.Metadata)
	var common, other []string
	var pairs []pair
	for i := range a.Tensors {
		t := &a.Tensors[i]
		u, ok := b.Tensor(t.Name)
		if !ok {
			d.TensorsOnlyA = append(d.TensorsOnlyA, t.Name)
			continue
		}
		common = append(common, t.Name)
		pairs = append(pairs, pair{t, u})
	}
	for i := range b.Tensors {
		name := b.Tensors[i].Name
		if _, ok := a.Tensor(name); ok {
			other = append(other, name)
		} else {
			d.TensorsOnlyB = append(d.TensorsOnlyB, name)
		}
	}
	d.Tensors, d.TensorOrder = len(pairs), firstSwap(common, other)
	list, err := compareAll(ctx, pairs, o)
	if err != nil {
		return nil, err
	}
	for _, t := range list {
		if t.differs() {
			d.TensorsDiffer = append(d.TensorsDiffer, t)
		}
	}
	return d, nil
}

// pair is a tensor on both sides.
type pair struct{ a, b *checkpoint.Tensor }

// compareAll compares the pairs, each in one goroutine, so that sums do not depend on the number of threads.
func compareAll(ctx context.Context, pairs []pair, o checkpoint.Pass) ([]Tensor, error) {
	total := int64(0)
	for _, p := range pairs {
		if p.a.SameShape(p.b.Tensor) {
			total += p.a.Elements()
		}
	}
	list := make([]Tensor, len(pairs))
	err := o.Each(ctx, len(pairs), total, func(ctx context.Context, i int, report func(int64)) (err error) {
		w := workers.Get().(*worker)
		defer workers.Put(w)
		list[i], err = w.compare(ctx, pairs[i], report)
		return err
	})
	if err != nil {
		return nil, err
	}
	return list, nil
}
