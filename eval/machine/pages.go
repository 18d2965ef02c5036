// Package machine holds what the engine knows of the machine it runs on, and nothing of models: memory in huge pages
// and how much of it is free, the rates at which memory is read and numbers are multiplied, energy counters, and the
// peak resident memory of the process.
package machine

// Memory is pages of zeros, freed by Free and not by the garbage collector. They are huge pages where the system has
// them: reading weights from a file's mapping, in pages of 4 KiB wherever the file's cache happens to lie, was measured
// at 22 GB/s a core against 30 from huge pages (AMD Zen 4, a virtual machine).
type Memory struct {
	Bytes []byte
	whole []byte // with what aligns Bytes
}

// hugePage is the size of a huge page, and the alignment of Bytes.
const hugePage = 2 << 20

// Alloc returns n bytes. Pages take memory only once they are written to.
func Alloc(n int) (*Memory, error) {
	if n <= 0 {
		return &Memory{}, nil
	}
	return alloc(n)
}

// Free gives the memory back; Bytes must not be used afterwards.
func (m *Memory) Free() {
	if m == nil || m.Bytes == nil {
		return
	}
	m.free()
	m.Bytes, m.whole = nil, nil
}

// Available is how many bytes the system could give without swapping, including what its file cache would give up;
// false where the system does not say.
func Available() (int64, bool) { return available() }
