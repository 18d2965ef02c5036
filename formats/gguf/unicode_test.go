package gguf

import (
	"bytes"
	"reflect"
	"testing"
	"unicode/utf8"
)

// Whatever is set, a file holds UTF-8 only; what a file holds is read and copied as it is.
func TestTextsAreUTF8(t *testing.T) {
	m, list := new(Metadata), []string{"a", "caf\xe9", "é"}
	m.Set("name", "caf\xe9 \xff\xfe")
	m.Set("ke\xffy", uint32(1))
	m.Set("tokens", list)
	var b bytes.Buffer
	if _, err := WriteHeader(&b, m, nil); err != nil {
		t.Fatal(err)
	}
	f, err := Parse("test", b.Bytes())
	if err != nil {
		t.Fatal(err)
	}
	want := new(Metadata)
	want.put("name", "caf\uFFFD \uFFFD")
	want.put("ke\uFFFDy", uint32(1))
	want.put("tokens", []string{"a", "caf\uFFFD", "é"})
	if !reflect.DeepEqual(f.Metadata, want) || !utf8.Valid(bytes.ReplaceAll(b.Bytes()[24:], []byte{0}, nil)) {
		t.Errorf("%+v", f.Metadata)
	}
	if list[1] != "caf\xe9" {
		t.Error("the list that was set has changed")
	}
	old := bytes.ReplaceAll(b.Bytes(), []byte("caf\uFFFD"), []byte("caf\xe9\xe9\xe9"))
	if f, err = Parse("old", old); err != nil {
		t.Fatal(err)
	}
	b.Reset()
	if _, err := WriteHeader(&b, f.Metadata, nil); err != nil || !bytes.Equal(b.Bytes(), old) {
		t.Errorf("read and written again, a file differs: %v", err)
	}
}
