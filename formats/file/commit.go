package file

import (
	"fmt"
	"os"
	"path/filepath"

	"bitmill/formats/file/internal/disk"
)

// CommitAll gives several files their final names together: all are synced first, then renamed from the last to the
// first, so that a set that is opened by its first file appears with it. If a rename fails, all names lead to the
// earlier files again, and nothing else of the set is left behind. No file appears while a mapped one has changed.
func CommitAll(list []*Pending) (err error) {
	renamed := len(list) // files from here on have their names
	var old []string     // files that had a name before, to be put back; "" for none
	defer func() {
		for i := range old {
			putBack(list[i].path, old[i], err != nil && i >= renamed)
		}
		if err != nil {
			for _, p := range list {
				p.Abort()
			}
		}
	}()
	if err := Unchanged(); err != nil {
		return err
	}
	for _, p := range list {
		if p.done {
			return errDone
		}
		if err := disk.SyncFile(p.f); err != nil {
			return cannotWrite(p.path, err)
		}
	}
	if len(list) > 1 {
		for _, p := range list {
			old = append(old, setAside(p.path))
		}
	}
	for i := len(list) - 1; i >= 0; i-- {
		if err := list[i].rename(); err != nil {
			return err
		}
		renamed = i
	}
	renamed = len(list) // all or none is settled
	return syncFolders(list)
}

// setAside gives an existing file a second name, if the file system can. One of that name is left from a process that
// ended in the middle.
func setAside(path string) string {
	old := path + ".part.old"
	os.Remove(old)
	if os.Link(path, old) != nil {
		return ""
	}
	return old
}

// putBack removes the second name; with undo it restores the first one before.
func putBack(path, old string, undo bool) {
	switch {
	case undo && old != "":
		os.Rename(old, path)
	case undo:
		os.Remove(path)
	case old != "":
		os.Remove(old)
	}
}

// syncFolders makes the renames durable.
func syncFolders(list []*Pending) error {
	folders := map[string]bool{}
	for _, p := range list {
		folder := filepath.Dir(p.path)
		if folders[folder] {
			continue
		}
		folders[folder] = true
		if err := syncFolder(folder); err != nil {
			return fmt.Errorf("%s is complete, but its name may not survive a power failure: %w", p.path, err)
		}
	}
	return nil
}
