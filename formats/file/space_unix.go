//go:build linux || darwin || freebsd

package file

import (
	"os"

	"golang.org/x/sys/unix"

	"bitmill/formats/file/internal/disk"
)

func freeSpace(folder string) (int64, bool) {
	var st unix.Statfs_t
	if err := unix.Statfs(folder, &st); err != nil {
		return 0, false
	}
	return int64(st.Bavail) * int64(st.Bsize), true
}

// lock takes the file for this process until it is closed; false when another has it. On a file system without
// locks it succeeds.
func lock(f *os.File) bool {
	return unix.Flock(int(f.Fd()), unix.LOCK_EX|unix.LOCK_NB) != unix.EWOULDBLOCK
}

// holdOpen: the unfinished file is renamed or removed before it is closed, so that its lock covers that too.
const holdOpen = true

func syncFolder(folder string) error { return disk.SyncNames(folder) }

// release drops pages of a read-only mapping; the advice may fail without harm.
func release(pages []byte) { _ = unix.Madvise(pages, unix.MADV_DONTNEED) }
