package machine

import (
	"runtime"
	"testing"
	"unsafe"
)

func TestAlloc(t *testing.T) {
	for _, n := range []int{0, 1, 4096, 5<<20 + 3} {
		m, err := Alloc(n)
		if err != nil {
			t.Fatal(err)
		}
		if len(m.Bytes) != n || cap(m.Bytes) != n {
			t.Errorf("asked for %d bytes: %d of %d", n, len(m.Bytes), cap(m.Bytes))
		}
		for i := range m.Bytes {
			if m.Bytes[i] != 0 {
				t.Fatalf("byte %d of %d is not zero", i, n)
			}
			m.Bytes[i] = byte(i)
		}
		if n > 0 && runtime.GOOS == "linux" && uintptr(unsafe.Pointer(&m.Bytes[0]))%hugePage != 0 {
			t.Errorf("%d bytes begin in the middle of a huge page", n)
		}
		m.Free()
		m.Free()
		if m.Bytes != nil {
			t.Error("freed memory can still be reached")
		}
	}
	if _, err := Alloc(1 << 60); err == nil {
		t.Error("an exbibyte was given")
	}
	new(Memory).Free()
	(*Memory)(nil).Free()
}

func TestAvailable(t *testing.T) {
	n, ok := Available()
	if ok != (runtime.GOOS == "linux") || ok && n <= 0 {
		t.Errorf("%d bytes, %v", n, ok)
	}
}
