//go:build !(linux || darwin || freebsd)

package file

import "os"

func freeSpace(string) (int64, bool) { return 0, false }

func syncFolder(string) error { return nil }

func release([]byte) {}

func lock(*os.File) bool { return true }

// holdOpen is false where an open file can be neither renamed nor removed.
const holdOpen = false
