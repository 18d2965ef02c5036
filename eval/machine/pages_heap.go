//go:build !unix

package machine

import "fmt"

// most is more than any machine has, and less than make refuses.
const most = 1 << 46

func alloc(n int) (*Memory, error) {
	if n > most {
		return nil, fmt.Errorf("allocate %d bytes: too many", n)
	}
	return &Memory{Bytes: make([]byte, n)}, nil
}

func (m *Memory) free() {}
