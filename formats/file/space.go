package file

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
)

// ErrNoSpace marks a file system with too little room for a file about to be written.
var ErrNoSpace = errors.New("not enough free space")

// CheckSpace fails with ErrNoSpace when the file system that holds folder has fewer than need bytes free. Where the
// system cannot tell, it succeeds.
func CheckSpace(folder string, need int64) error {
	free, ok := freeSpace(folder)
	if !ok || free >= need {
		return nil
	}
	return fmt.Errorf("%w: %d bytes are needed, %d are free in %s", ErrNoSpace, need, free, folder)
}

// Missing is the number of bytes that a file of size bytes under path still needs: the bytes of an unfinished file of
// that name are reused or freed.
func Missing(path string, size int64) int64 {
	if st, err := os.Stat(path + ".part"); err == nil && st.Mode().IsRegular() {
		return max(0, size-st.Size())
	}
	return size
}

// CheckRoom fails with ErrNoSpace when files of these sizes in bytes, by path, do not fit together where they are to be
// written.
func CheckRoom(sizes map[string]int64) error {
	need := map[string]int64{}
	for path, size := range sizes {
		need[filepath.Dir(path)] += Missing(path, size)
	}
	for folder, bytes := range need {
		if err := CheckSpace(folder, bytes); err != nil {
			return err
		}
	}
	return nil
}
