package infer

import "reflect"

// Work is what a forward pass has to read and multiply, counted from shapes without the products of attention. Bounds
// of speed follow from it.
type Work struct {
	Products    [formCount]int64 // weights times tokens, by kernel.ActivationForm of the weights
	WeightBytes int64            // weights read once
	KVBytes     int64            // keys and values of earlier positions, or other states
}

// Work counts a pass of n tokens after past others. Only the last one's logits are wanted.
func (m *Model) Work(n, past int) Work {
	var w Work
	add := func(l *Linear, tokens int) {
		w.Products[l.form] += int64(l.Rows) * int64(l.Cols) * int64(tokens)
		w.WeightBytes += int64(len(l.Data))
	}
	for loop := range m.loops() {
		rows := n
		for b := range m.branches() {
			switch x := b.mixer.(type) {
			case stateful:
				w.KVBytes += x.stateBytes(past)
				if x.place().last && loop == m.loops()-1 {
					rows = 1
				}
			case *sharing:
				w.KVBytes += x.heads.stateBytes(past)
			}
			for _, x := range b.mixer.matrices() {
				switch {
				case x.Routed: // each token is multiplied by few; at most so many are read
					used := int64(rows * m.Config.Experts.Used)
					w.Products[x.form] += int64(x.Rows) * int64(x.Cols) * used / int64(x.Experts)
					w.WeightBytes += int64(len(x.Data)) * min(used, int64(x.Experts)) / int64(x.Experts)
				case x.stored:
					add(x, n)
				default:
					add(x, rows)
				}
			}
		}
	}
	add(&m.output, 1)
	return w
}

// Bytes is the memory of the Runner's buffers.
func (r *Runner) Bytes() int64 {
	n := int64(0)
	for _, v := range []any{&r.forms, &r.buf, r.spare, &r.pass.routed, &r.pass.mla, &r.pass.ssm, &r.pass.delta, r.workers} {
		n += heap(reflect.ValueOf(v))
	}
	return n
}

// heap adds up the slices and the values behind pointers in v, a tree.
func heap(v reflect.Value) int64 {
	n := int64(0)
	switch v.Kind() {
	case reflect.Interface:
		n = heap(v.Elem())
	case reflect.Pointer:
		if !v.IsNil() {
			n = int64(v.Type().Elem().Size()) + heap(v.Elem())
		}
	case reflect.Struct:
		for i := range v.NumField() {
			n += heap(v.Field(i))
		}
	case reflect.Slice:
		n = int64(v.Cap()) * int64(v.Type().Elem().Size())
		fallthrough
	case reflect.Array:
		switch v.Type().Elem().Kind() {
		case reflect.Struct, reflect.Slice, reflect.Array, reflect.Pointer, reflect.Interface:
			for i := range v.Len() {
				n += heap(v.Index(i))
			}
		}
	}
	return n
}
