// Package filetest makes the disk fail on purpose, for tests of what is written through formats/file.
package filetest

import (
	"sync"
	"testing"

	"bitmill/formats/file/internal/disk"
)

// Fault says which operation fails, and how.
type Fault struct {
	Op    string // open, write, sync, close, rename or sync folder
	Path  string // of the one file this is about; empty: of any
	After int    // operations of this kind that succeed before
	Err   error  // nil for a write: it writes less than it was given and reports no error
	Part  int    // bytes that a failing write writes all the same
}

// Inject makes operations fail until the test ends, and returns a function that tells how many did. Once a fault has
// struck, it strikes every time. Only one test may use it at a time.
func Inject(t testing.TB, f Fault) (struck func() int) {
	var mu sync.Mutex
	seen, hits := 0, 0
	disk.Fault = func(op disk.Op, path string, size int) (int, error) {
		mu.Lock()
		defer mu.Unlock()
		if string(op) != f.Op || f.Path != "" && f.Path != path {
			return size, nil
		}
		if seen++; seen <= f.After {
			return size, nil
		}
		hits++
		return min(f.Part, size), f.Err
	}
	t.Cleanup(func() { disk.Fault = nil })
	return func() int {
		mu.Lock()
		defer mu.Unlock()
		return hits
	}
}
