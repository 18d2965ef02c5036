package file

import (
	"cmp"
	"errors"
	"fmt"
	"os"
	"runtime/debug"
	"slices"
	"unsafe"
)

// ErrChanged marks a mapped file that another program cut short or wrote to. What was computed from it does not count.
var ErrChanged = errors.New("changed while it was being read: it was cut short or overwritten; " +
	"run again when the file is complete")

// Reading a mapped page that its file no longer has is a memory fault (SIGBUS). A goroutine that reads mapped files
// turns it into a panic, with FaultsPanic, and the panic into ErrChanged, with Guard. The end of a file's last page
// reads as zeros instead, and a file that is overwritten as a mixture: so CommitAll and Journal.Append ask Unchanged
// before anything counts.

// Guard runs f, which may read mapped files. Where one of them turns out to be cut short, f ends there, and the error,
// which names the file, is an ErrChanged. Goroutines that f starts need a Guard of their own.
func Guard(f func() error) (err error) {
	defer debug.SetPanicOnFault(debug.SetPanicOnFault(true))
	defer func() {
		if p := recover(); p != nil {
			if err = Lost(p); err == nil {
				panic(p)
			}
		}
	}()
	return f()
}

// FaultsPanic makes faults of this goroutine panics, for one that hands them on to a goroutine with a Guard.
func FaultsPanic() { debug.SetPanicOnFault(true) }

// Lost is the ErrChanged of a panic by a fault in a mapped file; nil for every other panic.
func Lost(p any) error {
	fault, ok := p.(interface {
		error
		Addr() uintptr
	})
	if !ok {
		return nil
	}
	return changedAt(fault.Addr())
}

// changedAt is the ErrChanged of the file that is, or was just before, mapped at an address; nil when there is none.
func changedAt(at uintptr) error {
	mapped.Lock()
	defer mapped.Unlock()
	spans := slices.Clone(mapped.gone)
	for _, m := range mapped.list {
		spans = append(spans, m.span())
	}
	for _, s := range spans {
		if at >= s.base && at < s.base+s.size {
			return changed(s.path)
		}
	}
	return nil
}

func changed(path string) error { return fmt.Errorf("%s %w", path, ErrChanged) }

// span is the place of a mapping.
type span struct {
	path       string
	base, size uintptr
}

func (m *Mapped) span() span {
	return span{m.Path, uintptr(unsafe.Pointer(&m.m[0])), (uintptr(len(m.m)) + pageMask) &^ pageMask}
}

var pageMask = uintptr(os.Getpagesize() - 1)

// Unchanged fails with ErrChanged when a mapped file has another size or time than when it was opened. A file that was
// replaced under its name is still mapped as it was.
func Unchanged() error {
	mapped.Lock()
	list := slices.Clone(mapped.list)
	mapped.Unlock()
	for _, m := range list {
		if err := m.unchanged(); err != nil {
			return err
		}
	}
	return nil
}

// WereUnchanged is Unchanged for the files that have been mapped before too, since it was last called.
func WereUnchanged() error {
	err := Unchanged()
	mapped.Lock()
	defer mapped.Unlock()
	err, mapped.lost = cmp.Or(mapped.lost, err), nil
	return err
}

func (m *Mapped) unchanged() error {
	st, err := os.Stat(m.Path)
	if err == nil && os.SameFile(st, m.info) && (st.Size() != m.info.Size() || !st.ModTime().Equal(m.info.ModTime())) {
		return changed(m.Path)
	}
	return nil
}
