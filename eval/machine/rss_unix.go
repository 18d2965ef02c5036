//go:build unix

package machine

import (
	"runtime"
	"syscall"
)

// PeakRSS is the peak resident memory of the process, in bytes; 0 where it is not known.
func PeakRSS() int64 {
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		return 0
	}
	if runtime.GOOS == "darwin" || runtime.GOOS == "ios" {
		return int64(u.Maxrss)
	}
	return int64(u.Maxrss) << 10 // KiB elsewhere
}
