//go:build unix

package disk

import (
	"os"
	"syscall"
)

// Flags of open(2).
const (
	noFollow = syscall.O_NOFOLLOW
	noWait   = syscall.O_NONBLOCK
)

// Names is the number of names (hard links) of a file.
func Names(st os.FileInfo) int {
	if s, ok := st.Sys().(*syscall.Stat_t); ok {
		return int(s.Nlink)
	}
	return 1
}
