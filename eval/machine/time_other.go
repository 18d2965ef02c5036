//go:build !unix

package machine

import "time"

// CPUTime is what the process has computed so far, all threads together; false where the system does not tell.
func CPUTime() (time.Duration, bool) { return 0, false }
