//go:build !unix

package machine

// PeakRSS is the most memory that the process has had resident, in bytes; 0 when it is not known.
func PeakRSS() int64 { return 0 }
