package safetensors

import (
	"bytes"
	"cmp"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math"
	"slices"
	"unicode/utf8"

	"bitmill/formats"
)

// maxHeader is the limit on the header in bytes, as in the format's own library.
const maxHeader = 100_000_000

// metadataKey is the only key of the header that is not a tensor.
const metadataKey = "__metadata__"

// Parse reads one file held in memory; name is what errors call it. Tensor data is not copied.
func Parse(name string, data []byte) (*File, error) {
	if len(data) < 8 {
		return nil, formats.Corruptf(name, 0, "header length", "the file has %d bytes, fewer than 8", len(data))
	}
	n := binary.LittleEndian.Uint64(data)
	if n > maxHeader || n > uint64(len(data)-8) {
		if bytes.HasPrefix(data, []byte("version https://git-lfs")) {
			return nil, formats.Corruptf(name, 0, "header length",
				"this is a Git LFS pointer; fetch the file itself with git lfs pull")
		}
		return nil, formats.Corruptf(name, 0, "header length",
			"%d bytes are claimed, %d follow and at most %d are read; the file is cut short or not a safetensors file",
			n, len(data)-8, maxHeader)
	}
	header, start := data[8:8+n], int64(8+n)
	f := &File{Path: name}
	infos, err := f.readHeader(header)
	if err != nil {
		return nil, err
	}
	// By position; of empty tensors at one place, by name.
	slices.SortFunc(infos, func(a, b info) int {
		return cmp.Or(cmp.Compare(a.Offsets[0], b.Offsets[0]), cmp.Compare(a.Offsets[1], b.Offsets[1]),
			cmp.Compare(a.name, b.name))
	})
	return f, f.place(infos, data, start)
}

// info is a tensor as the header describes it.
type info struct {
	name    string
	DType   string   `json:"dtype"`
	Shape   []int64  `json:"shape"`
	Offsets []uint64 `json:"data_offsets"` // begin, end
}

// readHeader decodes the JSON object key by key, since a Go map would hide keys that occur twice.
func (f *File) readHeader(header []byte) ([]info, error) {
	if len(header) == 0 || header[0] != '{' || !utf8.Valid(header) {
		return nil, formats.Corruptf(f.Path, 8, "header", "it is not a JSON object in UTF-8")
	}
	d := json.NewDecoder(bytes.NewReader(header))
	corrupt := func(field string, err error) error {
		if errors.Is(err, io.EOF) {
			err = io.ErrUnexpectedEOF
		}
		return formats.Corruptf(f.Path, 8+d.InputOffset(), field, "%v", formats.JSONError(err))
	}
	if _, err := d.Token(); err != nil {
		return nil, corrupt("header", err)
	}
	var infos []info
	seen := map[string]bool{}
	for d.More() {
		k, err := d.Token()
		if err != nil {
			return nil, corrupt("header", err)
		}
		key, ok := k.(string)
		if !ok || seen[key] {
			return nil, corrupt("header", fmt.Errorf("key %q is not a string or occurs twice", k))
		}
		seen[key] = true
		if key == metadataKey {
			if err := d.Decode(&f.Metadata); err != nil {
				return nil, corrupt(metadataKey, err)
			}
			continue
		}
		i := info{name: key}
		if err := d.Decode(&i); err != nil {
			return nil, corrupt("tensor "+key, err)
		}
		if len(i.Offsets) != 2 || i.DType == "" || i.Shape == nil {
			return nil, corrupt("tensor "+key, errors.New("dtype, shape and data_offsets [begin, end] are needed"))
		}
		infos = append(infos, i)
	}
	if _, err := d.Token(); err != nil {
		return nil, corrupt("header", err)
	}
	if rest := bytes.Trim(header[d.InputOffset():], " \t\r\n"); len(rest) > 0 {
		return nil, corrupt("header", errors.New("something follows the JSON object"))
	}
	return infos, nil
}

// place checks that the sorted tensors fill the data section exactly and gives them their data.
func (f *File) place(infos []info, data []byte, start int64) error {
	next := uint64(0)
	section := uint64(int64(len(data)) - start)
	for _, i := range infos {
		field := "tensor " + i.name
		begin, end := i.Offsets[0], i.Offsets[1]
		switch {
		case begin > end:
			return formats.Corruptf(f.Path, -1, field, "its data begins at %d and ends at %d", begin, end)
		case end > section:
			return formats.Corruptf(f.Path, -1, field, "its data ends at %d, the data section at %d; the file is cut short", end,
				section)
		case begin < next:
			return formats.Corruptf(f.Path, -1, field, "its data begins at %d, within the tensor before it, which ends at %d",
				begin, next)
		case begin > next:
			return formats.Corruptf(f.Path, -1, field, "its data begins at %d, but the tensors before it end at %d", begin, next)
		}
		size, err := i.bytes(f.Path)
		if err != nil {
			return err
		}
		if size != end-begin {
			return formats.Corruptf(f.Path, -1, field, "%s %v takes %d bytes, its data_offsets span %d", i.DType, i.Shape, size,
				end-begin)
		}
		at := start + int64(begin)
		f.Tensors = append(f.Tensors, Tensor{
			Name: i.name, DType: i.DType, Shape: i.Shape, File: f.Path, Offset: at,
			Data: data[at : at+int64(size) : at+int64(size)],
		})
		next = end
	}
	if next != section {
		return formats.Corruptf(f.Path, start+int64(next), "data", "%d bytes follow the last tensor", section-next)
	}
	return nil
}

// bytes is the size of the tensor's data by its type and shape.
func (i info) bytes(file string) (uint64, error) {
	bits, ok := dtypeBits[i.DType]
	if !ok {
		return 0, fmt.Errorf("%s: tensor %s: %w: dtype %q", file, i.name, formats.ErrUnsupported, i.DType)
	}
	n, err := product(i.Shape, bits)
	if err != nil {
		return 0, formats.Corruptf(file, -1, "tensor "+i.name, "shape %v: %v", i.Shape, err)
	}
	if n%8 != 0 {
		return 0, formats.Corruptf(file, -1, "tensor "+i.name, "%s %v is not a whole number of bytes", i.DType, i.Shape)
	}
	return uint64(n / 8), nil
}

// product multiplies bits with the dimensions, 0 when one of them is 0. No partial product may overflow either.
func product(shape []int64, bits int64) (int64, error) {
	n, empty := bits, false
	for _, d := range shape {
		if d < 0 {
			return 0, errors.New("a dimension is negative")
		}
		empty = empty || d == 0
		if max(d, 1) > math.MaxInt64/n {
			return 0, errors.New("it is larger than any file")
		}
		n *= max(d, 1)
	}
	if empty {
		return 0, nil
	}
	return n, nil
}
