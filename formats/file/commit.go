package file

import (
	"os"
	"path/filepath"
)

// CommitAll gives several files their final names together: all are synced first, then renamed from the last to the
// first, so that a set that is read through its first file appears with it. When a rename fails, those done before it
// are taken back by removing them, and nothing of the set is left behind.
func CommitAll(list []*Pending) (err error) {
	renamed := len(list)
	defer func() {
		if err == nil {
			return
		}
		for i, p := range list {
			p.Abort()
			if i >= renamed {
				os.Remove(p.path)
			}
		}
	}()
	for _, p := range list {
		if p.done {
			return errDone
		}
		if err := p.Sync(); err != nil {
			return cannotWrite(p.path, err)
		}
	}
	folders := map[string]bool{}
	for i := len(list) - 1; i >= 0; i-- {
		p := list[i]
		p.done = true
		err := p.settle(func() error {
			err := os.Rename(p.path+".part", p.path)
			if err == nil {
				renamed = i
			}
			return err
		})
		if err != nil {
			os.Remove(p.path + ".part")
			return cannotWrite(p.path, err)
		}
		folders[filepath.Dir(p.path)] = true
	}
	for folder := range folders {
		if err := syncFolder(folder); err != nil {
			return err
		}
	}
	return nil
}
