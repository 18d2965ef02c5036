package quantize

import "bitmill/formats/gguf"

// donors are earlier artifacts of the same provenance: a tensor of the same type has the same bytes there.
type donors []*gguf.File

func openDonors(paths []string) (list donors, err error) {
	for _, path := range paths {
		f, err := gguf.Open(path)
		if err != nil {
			list.close()
			return nil, err
		}
		list = append(list, f)
	}
	return list, nil
}

func (list donors) close() {
	for _, f := range list {
		f.Close()
	}
}

// find returns the data of a task's tensor in an encoding; nil when no donor has it.
func (list donors) find(t *task, e encoding) []byte {
	for _, f := range list {
		d, ok := f.Tensor(t.tensor.Name)
		if ok && d.Type == e.typ && d.SameShape(t.tensor.Tensor) && int64(len(d.Data)) == e.row*t.tensor.Rows() {
			return d.Data
		}
	}
	return nil
}

// settle drops the parts of the task that are done, for artifacts that hold the tensor already, and turns encodings
// that a donor holds into copies. It reports whether anything is left to do.
func (t *task) settle(artifacts []*artifactWriter, old donors) bool {
	all := t.encodings
	at := make([]int, len(all)) // in the new list, plus one
	t.encodings = nil
	for i, a := range artifacts {
		k := t.use[i]
		if a.has(t.index) {
			t.use[i] = -1
			continue
		}
		if at[k] == 0 {
			e := all[k]
			if e.typ != t.tensor.Type {
				e.data = old.find(t, e)
			}
			if t.given != nil {
				e.data = t.given(t.tensor.Name)
			}
			t.encodings = append(t.encodings, e)
			at[k] = len(t.encodings)
		}
		t.use[i] = at[k] - 1
		if t.encodings[t.use[i]].data != nil && t.given == nil {
			a.written.Reused++
		}
	}
	return len(t.encodings) > 0
}
