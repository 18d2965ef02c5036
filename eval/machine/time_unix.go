//go:build unix

package machine

import (
	"syscall"
	"time"
)

// CPUTime is what the process has computed so far, all threads together; false where the system does not tell.
func CPUTime() (time.Duration, bool) {
	var u syscall.Rusage
	if syscall.Getrusage(syscall.RUSAGE_SELF, &u) != nil {
		return 0, false
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano()), true
}
