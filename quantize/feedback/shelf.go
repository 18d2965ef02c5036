package feedback

import (
	"fmt"
	"os"
	"unsafe"

	"bitmill/formats/file"
)

// shelf keeps numbers between passes, in memory or in a temporary file.
type shelf struct {
	file  *os.File // nil: in memory
	slabs []*slab
	used  int
	end   int64 // of the file, in bytes
}

// slab is a part of a shelf.
type slab struct {
	n     int
	words []float32 // of one in memory
	at    int64     // of one in the file
}

// openShelf opens a shelf; with a path it is a file, which an earlier run may have left.
func openShelf(path string) (s *shelf, err error) {
	s = &shelf{}
	if path == "" {
		return s, nil
	}
	if s.file, err = file.OpenOwn(path, os.O_RDWR); err != nil {
		return nil, err
	}
	if err := s.file.Truncate(0); err != nil {
		s.close()
		return nil, err
	}
	return s, nil
}

// close removes the file.
func (s *shelf) close() {
	if s.file != nil {
		s.file.Close()
		os.Remove(s.file.Name())
	}
}

// take is a slab for n numbers; what it holds is undefined.
func (s *shelf) take(n int) *slab {
	if s.used == len(s.slabs) {
		s.slabs = append(s.slabs, &slab{})
	}
	b := s.slabs[s.used]
	s.used++
	if b.n, b.at = n, s.end; s.file == nil {
		b.words = sized(b.words, n)
	}
	s.end += 4 * int64(n)
	return b
}

// drop ends the use of all slabs but the first ones; those that are taken next reuse their memory.
func (s *shelf) drop(used int) {
	if s.used > used {
		s.used, s.end = used, s.slabs[used].at
	}
}

// put stores numbers from one on.
func (s *shelf) put(b *slab, from int, x []float32) error {
	if s.file == nil {
		copy(b.words[from:], x)
		return nil
	}
	if _, err := s.file.WriteAt(bytesOf(x), b.at+4*int64(from)); err != nil {
		return fmt.Errorf("activations: %w", err)
	}
	return nil
}

// get returns the numbers [from, to): in the slab itself where it is in memory, else in buf.
func (s *shelf) get(b *slab, from, to int, buf *[]float32) ([]float32, error) {
	if s.file == nil {
		return b.words[from:to], nil
	}
	*buf = sized(*buf, to-from)
	if _, err := s.file.ReadAt(bytesOf(*buf), b.at+4*int64(from)); err != nil {
		return nil, fmt.Errorf("activations: %w", err)
	}
	return *buf, nil
}

// bytesOf are the bytes of numbers as they lie in memory.
func bytesOf(x []float32) []byte {
	return unsafe.Slice((*byte)(unsafe.Pointer(unsafe.SliceData(x))), 4*len(x))
}

// sized is b with room for n numbers.
func sized(b []float32, n int) []float32 {
	if cap(b) < n {
		return make([]float32, n)
	}
	return b[:n]
}
