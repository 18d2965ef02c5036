package checkpoint

import (
	"slices"
	"strings"

	"bitmill/formats/safetensors"
	"bitmill/formats/store"
)

// hold brings what n rows from row first on are made from into memory, where the source is an object, until release is
// called: of rows that are stored in their order, or nearly so, their own bytes; of others the whole tensor.
func (t *Tensor) hold(first, n int64) (release func(), err error) {
	l := &t.layout
	if t.derived != nil || t.converted != nil || l.Nibbles || l.Columns > 0 || len(t.parts) == 0 || n == 0 {
		return t.holdAll()
	}
	if !slices.ContainsFunc(t.parts, store.Remote) { // files: no row has to be looked for
		return func() {}, nil
	}
	size, err := t.Type.RowBytes(t.Cols())
	if err != nil {
		return nil, err
	}
	rows := t.Rows()
	per := rows / int64(len(t.parts))
	var needed [][]byte
	for at := first; at < first+n; { // part by part
		part, end := t.parts[at/per], min(first+n, at/per*per+per)
		least, most := int64(len(part))/size, int64(0)
		for r := at; r < end; r++ {
			row := r % per
			if len(t.parts) == 1 {
				row = l.Row(r, rows)
			}
			if l.Present == 0 || r < l.Present {
				least, most = min(least, row), max(most, row+1)
			}
		}
		if least < most {
			needed = append(needed, part[least*size:most*size])
		}
		at = end
	}
	return store.Hold(needed...)
}

// holdAll brings all that the tensor is made from into memory.
func (t *Tensor) holdAll() (release func(), err error) {
	needed := t.parts
	for _, m := range t.derived {
		needed = append(needed[:len(needed):len(needed)], m.Stored()...)
	}
	return store.Hold(needed...)
}

// holdSmall brings the tensors of quantized matrices into memory that say how others are stored: shapes, zero points
// and groups. They stay there.
func holdSmall(list []safetensors.Tensor) error {
	for i := range list {
		for _, suffix := range []string{"_shape", "qzeros", "g_idx"} {
			if strings.HasSuffix(list[i].Name, suffix) {
				if _, err := store.Hold(list[i].Data); err != nil {
					return err
				}
			}
		}
	}
	return nil
}
