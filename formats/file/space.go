package file

import (
	"errors"
	"fmt"
)

// ErrNoSpace marks a file system with too little room for what is about to be written.
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
