package diff

import (
	"math"
	"reflect"

	"bitmill/formats/gguf"
)

// Key is a metadata key whose values differ.
type Key struct {
	Name string
	A, B any
	At   int // of arrays of the same type: the first element that differs, or the length of the shorter; otherwise -1
}

// metadata compares the keys, except those of the split into files: how a model is split is not part of it.
func (d *Difference) metadata(a, b *gguf.Metadata) {
	var common, other []string
	for _, k := range a.Keys() {
		if gguf.IsSplitKey(k) {
			continue
		}
		x, _ := a.Get(k)
		y, ok := b.Get(k)
		if !ok {
			d.KeysOnlyA = append(d.KeysOnlyA, k)
			continue
		}
		d.Keys++
		common = append(common, k)
		if !same(x, y) {
			d.KeysDiffer = append(d.KeysDiffer, Key{k, x, y, firstDifference(x, y)})
		}
	}
	for _, k := range b.Keys() {
		if gguf.IsSplitKey(k) {
			continue
		}
		if _, ok := a.Get(k); !ok {
			d.KeysOnlyB = append(d.KeysOnlyB, k)
			continue
		}
		other = append(other, k)
	}
	d.KeyOrder = firstSwap(common, other)
}

// same compares two values and their types; floats by their bits, so that a NaN equals itself.
func same(a, b any) bool {
	if reflect.TypeOf(a) != reflect.TypeOf(b) {
		return false
	}
	switch x := a.(type) {
	case float32:
		return math.Float32bits(x) == math.Float32bits(b.(float32))
	case float64:
		return math.Float64bits(x) == math.Float64bits(b.(float64))
	}
	return reflect.ValueOf(a).Kind() != reflect.Slice && a == b ||
		reflect.ValueOf(a).Kind() == reflect.Slice && firstDifference(a, b) < 0
}

// firstDifference finds the first element in which two arrays of a type differ; -1 for equal arrays and for others.
func firstDifference(a, b any) int {
	x, y := reflect.ValueOf(a), reflect.ValueOf(b)
	if x.Type() != y.Type() || x.Kind() != reflect.Slice {
		return -1
	}
	n := min(x.Len(), y.Len())
	for i := range n {
		if !same(x.Index(i).Interface(), y.Index(i).Interface()) {
			return i
		}
	}
	if x.Len() != y.Len() {
		return n
	}
	return -1
}

// Swap is the first position at which two orders of the same names differ.
type Swap struct {
	At   int    `json:"at"` // position among the names that both have
	A, B string // the names there
}

func firstSwap(a, b []string) *Swap {
	for i := range a {
		if a[i] != b[i] {
			return &Swap{i, a[i], b[i]}
		}
	}
	return nil
}
