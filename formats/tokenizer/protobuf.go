package tokenizer

import (
	"encoding/binary"
	"fmt"

	"bitmill/formats"
)

// message is an encoded protocol buffer: fields, each a number and a wire type (varint 0, eight bytes 1, length and
// bytes 2, four bytes 5).
type message struct{ data []byte }

type field struct {
	number uint64
	value  uint64 // of a numeric wire type
	bytes  []byte // of the wire type with a length
}

// each calls f with every field.
func (m message) each(path string, f func(field) error) error {
	at := 0
	bad := func(reason string) error { return formats.Corruptf(path, int64(at), "protocol buffer", "%s", reason) }
	varint := func() (uint64, bool) {
		v, n := binary.Uvarint(m.data[at:])
		at += max(n, 0)
		return v, n > 0
	}
	for at < len(m.data) {
		tag, ok := varint()
		if !ok {
			return bad("a field's number is cut off")
		}
		v := field{number: tag >> 3}
		size := uint64(0)
		switch tag & 7 {
		case 0:
			if v.value, ok = varint(); !ok {
				return bad("a number is cut off")
			}
		case 1:
			size = 8
		case 2:
			if size, ok = varint(); !ok {
				return bad("a length is cut off")
			}
		case 5:
			size = 4
		default:
			return bad(fmt.Sprintf("the wire type %d", tag&7))
		}
		if size > uint64(len(m.data)-at) {
			return bad("a field is longer than the file")
		}
		v.bytes = m.data[at : at+int(size)]
		at += int(size)
		switch tag & 7 {
		case 1:
			v.value = binary.LittleEndian.Uint64(v.bytes)
		case 5:
			v.value = uint64(binary.LittleEndian.Uint32(v.bytes))
		}
		if err := f(v); err != nil {
			return err
		}
	}
	return nil
}
