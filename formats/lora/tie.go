package lora

import (
	"slices"

	"bitmill/formats/prequant"
	"bitmill/formats/safetensors"
)

// Rename gives the model's tensors that the adapter changes the names that the model knows them by, and drops those
// that it does without; it returns the names of these.
func (a *Adapter) Rename(known func(name string) (as string, needed bool)) (dropped []string) {
	pairs, whole := map[string]*pair{}, map[string]safetensors.Tensor{}
	rename := func(name string) (string, bool) {
		as, needed := known(name)
		if !needed {
			dropped = append(dropped, name)
		}
		return as, needed
	}
	for name, p := range a.pairs {
		if as, ok := rename(name); ok {
			pairs[as] = p
		}
	}
	for name, t := range a.whole {
		as, ok := rename(name)
		if !ok {
			continue
		}
		whole[as] = t
		a.copied[as] = a.copied[name]
	}
	a.pairs, a.whole = pairs, whole
	slices.Sort(dropped)
	return slices.Compact(dropped)
}

// Untie prepares for a model whose output matrix is its embedding: in peft a module with an adapter, or with a copy of
// its own (modules_to_save), changes alone, and the matrix at the other end stays what it was. It returns the model's
// tensors with an output matrix of its own where the two become different, and whether they do. With
// ensure_weight_tying they stay one.
func (a *Adapter) Untie(list []prequant.Tensor, embedding, output string) ([]prequant.Tensor, bool) {
	at := slices.IndexFunc(list, func(t prequant.Tensor) bool { return t.Name == embedding })
	if at < 0 || slices.ContainsFunc(list, func(t prequant.Tensor) bool { return t.Name == output }) {
		return list, false
	}
	// What was saved of the shared matrix itself, by its two names, becomes the base of both ends.
	for _, name := range []string{output, embedding} {
		if w, ok := a.whole[name]; ok && !a.copied[name] {
			delete(a.whole, name)
			if slices.Equal(w.Shape, list[at].Shape) {
				w.Name, w.File = embedding, list[at].File
				list[at] = prequant.Tensor{Tensor: w}
			} else {
				a.whole[embedding] = w // whose error names the shapes
			}
		}
	}
	embeds, outputs := a.changes(embedding), a.changes(output)
	switch {
	case !embeds && !outputs:
		return list, false
	case a.tied && embeds != outputs:
		if outputs {
			a.move(output, embedding)
		}
		return list, false
	}
	head := list[at]
	head.Name = output
	return slices.Insert(list, at, head), true
}

// changes reports whether the adapter changes a tensor.
func (a *Adapter) changes(name string) bool {
	_, pair := a.pairs[name]
	_, whole := a.whole[name]
	return pair || whole
}

// move lets what changes one tensor change another.
func (a *Adapter) move(from, to string) {
	if p, ok := a.pairs[from]; ok {
		a.pairs[to] = p
		delete(a.pairs, from)
	}
	if w, ok := a.whole[from]; ok {
		a.whole[to] = w
		delete(a.whole, from)
	}
}
