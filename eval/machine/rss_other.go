//go:build !unix

package machine

// PeakRSS is the peak resident memory of the process, in bytes; 0 where it is not known.
func PeakRSS() int64 { return 0 }
