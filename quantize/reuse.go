package quantize

import "bitmill/formats/gguf"

// donors are earlier artifacts of the same source, importance matrix and tool version: a tensor that has the same type
// there has the same bytes.
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

// find returns the data of a task's tensor in some encoding; nil when no donor has it.
func (list donors) find(t *task, e encoding) []byte {
	for _, f := range list {
		d, ok := f.Tensor(t.tensor.Name)
		if ok && d.Type == e.typ && d.SameShape(t.tensor.Tensor) && int64(len(d.Data)) == e.row*t.tensor.Rows() {
			return d.Data
		}
	}
	return nil
}

// settle leaves of the task what must be done: nothing for artifacts that have the tensor already, copying for
// encodings that a donor has. It reports whether anything is left.
func (t *task) settle(artifacts []*artifactWriter, old donors) bool {
	all := t.encodings
	place := make([]int, len(all)) // in the new list, plus one
	t.encodings = nil
	for i, a := range artifacts {
		k := t.use[i]
		if a.has(t.index) {
			t.use[i] = -1
			continue
		}
		if place[k] == 0 {
			e := all[k]
			if e.typ != t.tensor.Type {
				e.data = old.find(t, e)
			}
			t.encodings = append(t.encodings, e)
			place[k] = len(t.encodings)
		}
		t.use[i] = place[k] - 1
		if t.encodings[t.use[i]].data != nil {
			a.written.Reused++
		}
	}
	return len(t.encodings) > 0
}
