package imatrix

import (
	"reflect"
	"testing"
)

func TestPool(t *testing.T) {
	experts := func() *Matrix {
		return &Matrix{Entries: []Entry{
			{"a", []float32{1, 2, 0, 0, 5, 6, 0, 0}, []float32{1, 0, 3, 0}},
			{"b", []float32{7}, []float32{2}},
			{"c", []float32{0, 0}, []float32{0, 0}}, // nothing to pool
		}}
	}
	m := experts()
	m.Pool()
	want := Entry{"a", []float32{1, 2, 1.5, 2, 5, 6, 1.5, 2}, []float32{1, 1, 3, 1}}
	if !reflect.DeepEqual(m.Entries[0], want) || !reflect.DeepEqual(m.Entries[1:], experts().Entries[1:]) {
		t.Errorf("%+v", m.Entries)
	}
	b, err := m.Encode()
	if err != nil {
		t.Fatal(err)
	}
	again, err := Parse("x.gguf", b)
	if err != nil {
		t.Fatal(err)
	}
	if c := again.Coverage()[0]; c.Unseen != 2 || c.Full() || c.MinCount != 0 || c.MaxCount != 3 {
		t.Errorf("coverage %+v", c)
	}
	if names, _, _ := again.Extra.Strings(KeyPooled); !reflect.DeepEqual(names, []string{"a 1", "a 3"}) {
		t.Errorf("pooled %q", names)
	}
}
