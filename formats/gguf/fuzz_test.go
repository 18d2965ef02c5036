package gguf

import (
	"bytes"
	"encoding/binary"
	"os"
	"testing"
)

// FuzzParse: no input panics, and a header that is accepted is written again with the same bytes, as long as it is
// canonical: version 3 (2 has the same layout) and no trailing dimensions of 1, which the writer drops as ggml does.
func FuzzParse(f *testing.F) {
	peer, err := os.ReadFile("testdata/peer.gguf")
	if err != nil {
		f.Fatal(err)
	}
	f.Add(peer)
	f.Add([]byte(small()))
	f.Add([]byte(start(3, 0, 0)))
	f.Add([]byte(start(2, 1, 0).info("a", 0, 0, 1, 1).data(0, 4)))
	f.Fuzz(func(t *testing.T, data []byte) {
		file, err := Parse("fuzz", data)
		if err != nil {
			return
		}
		for _, x := range file.Tensors {
			if size, err := x.Bytes(); err != nil || size != int64(len(x.Data)) {
				t.Fatalf("%+v: %d bytes of data, %v", x.Tensor, len(x.Data), err)
			}
		}
		header, layout, err := encodeHeader(file.Metadata, describe(file))
		if err != nil {
			t.Fatalf("what was read cannot be written: %v", err)
		}
		if !canonical(file) {
			return
		}
		want := append([]byte(nil), data[:min(len(header), len(data))]...)
		binary.LittleEndian.PutUint32(want[4:], 3)
		if !bytes.Equal(header, want) {
			t.Fatalf("written again, the header differs:\n%x\n%x", header, want)
		}
		for i, x := range file.Tensors {
			if x.Offset != layout.Offsets[i] {
				t.Fatalf("tensor %d at %d, laid out at %d", i, x.Offset, layout.Offsets[i])
			}
		}
	})
}

func canonical(f *File) bool {
	for _, t := range f.Tensors {
		if n := len(t.Shape); n == 0 || (n > 1 && t.Shape[n-1] == 1) {
			return false
		}
	}
	return true
}
