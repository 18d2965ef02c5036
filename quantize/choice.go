package quantize

import (
	"bitmill/formats"
	"bitmill/formats/checkpoint"
	"bitmill/formats/imatrix"
	"bitmill/quantize/encode"
)

// choice is a tensor whose type is free, with its options.
type choice struct {
	name     string
	index    int  // in the checkpoint
	weighted bool // there are importance weights for it
	values   int64
	share    float64  // the weight of its error, see sharesOf
	options  []option // by rising size
	at       int      // index of the option that is chosen
}

// option is a type that a tensor may have.
type option struct {
	typ   formats.Type
	bytes int64
	err   float64 // see NewTargetPlan
}

// choices lists the tensors of a plan whose type the rules decided, with the types that fit their shape.
func choices(c *checkpoint.Checkpoint, base *Plan, imatrix *imatrix.Matrix) (list []choice) {
	share := sharesOf(base, newModel(c, c.Metadata).layers)
	for i := range base.Tensors {
		t := &base.Tensors[i]
		if !t.ruled || t.Source.Quantized() && !base.Options.AllowRequantize {
			continue
		}
		e, ok := entry(imatrix, t.Name)
		weighted := ok && int64(len(e.SumSquares)) == t.Cols()*t.Matrices() ||
			base.Options.AssumeImatrix && t.Role&(Output|Embedding) == 0
		ch := choice{name: t.Name, index: t.index, share: share(t), weighted: weighted,
			values: t.Elements()}
		types := TargetTypes(ch.weighted)
		if !t.Source.Quantized() {
			types = append(types[:len(types):len(types)], halfOf(t.Source))
		}
		for _, typ := range types {
			if !Fits(base.Options.Method) || !typ.Quantized() || encode.GridOf(typ) != nil {
				ch.add(t.Tensor, typ)
			}
		}
		list = append(list, ch)
	}
	return list
}

// halfOf is the 16-bit type nearest to a type of plain numbers.
func halfOf(t formats.Type) formats.Type {
	if t == formats.BF16 {
		return t
	}
	return formats.F16
}

// add inserts a type, or its substitute, by its size.
func (ch *choice) add(t formats.Tensor, typ formats.Type) {
	typ, err := fit(typ, t.Cols())
	if err != nil {
		return
	}
	t.Type = typ
	bytes, err := t.Bytes()
	if err != nil {
		return
	}
	at := 0
	for at < len(ch.options) && ch.options[at].bytes <= bytes {
		if ch.options[at].typ == typ {
			return
		}
		at++
	}
	ch.options = append(ch.options[:at], append([]option{{typ: typ, bytes: bytes}}, ch.options[at:]...)...)
}

// fill takes steps to larger types, always the one that removes the most error per byte, while they fit in room bytes.
func fill(list []choice, room int64) {
	for {
		best, to, gain := -1, 0, 0.0
		for i := range list {
			k, g := list[i].step(room)
			if g > gain {
				best, to, gain = i, k, g
			}
		}
		if best < 0 {
			return
		}
		room -= list[best].options[to].bytes - list[best].options[list[best].at].bytes
		list[best].at = to
	}
}

// step is the larger type that removes the most error per byte among those that take at most room bytes more; of equals
// the larger.
func (ch *choice) step(room int64) (to int, gain float64) {
	now := ch.options[ch.at]
	for k := ch.at + 1; k < len(ch.options); k++ {
		o := ch.options[k]
		more := o.bytes - now.bytes
		if more > room {
			break
		}
		if g := (now.err - o.err) / float64(max(more, 1)); g > 0 && g >= gain {
			to, gain = k, g
		}
	}
	return to, gain
}
