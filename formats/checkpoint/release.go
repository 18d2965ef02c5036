package checkpoint

import "bitmill/formats/file"

// Release tells the system that n rows from the first on will not be read again soon, so that a pass over a model
// larger than memory stays small. Rows that lie otherwise in the source are released with the last one; of a stack,
// with the last one of their part.
func (t *Tensor) Release(first, n int64) {
	if t.computed != nil && first+n == t.Rows() {
		t.releaseComputed()
	}
	size, err := t.span(first, n)
	if err != nil || len(t.parts) == 0 {
		return
	}
	if t.widened == nil && t.layout.plain() {
		per := t.Rows() / int64(len(t.parts))
		for at := first; at < first+n; {
			end := min(first+n, at/per*per+per)
			file.Release(t.parts[at/per][at%per*size : (at%per+end-at)*size])
			at = end
		}
		return
	}
	if first+n == t.Rows() {
		for _, p := range t.parts {
			file.Release(p)
		}
	}
}

// releaseComputed lets go of what computed rows are made of.
func (t *Tensor) releaseComputed() {
	for _, m := range t.computed {
		for _, b := range m.Stored() {
			file.Release(b)
		}
	}
}
