//go:build !unix

package disk

import "os"

// Links to files need rights that few users have there, and pipes have names of their own.
const noFollow, noWait = 0, 0

// Names is the number of names of a file, as far as the system tells.
func Names(os.FileInfo) int { return 1 }
