package modelcard

import (
	"fmt"
	"path/filepath"
	"strings"

	"bitmill/formats/store"
)

// The cache of Hugging Face's hub keeps a repository ORG/NAME as
//
//	models--ORG--NAME/refs/main                 the hash of the newest commit
//	models--ORG--NAME/snapshots/HASH/FILE       a link to models--ORG--NAME/blobs/...

const cachePrefix = "models--"

// CacheID is the id of the repository, ORG/NAME or NAME, that a folder of the cache holds; "" for other folders.
func CacheID(dir string) string {
	dir = filepath.Clean(absolute(dir))
	for _, d := range []string{dir, filepath.Dir(dir), filepath.Dir(filepath.Dir(dir))} {
		if id, ok := strings.CutPrefix(filepath.Base(d), cachePrefix); ok && id != "" {
			if inside, _ := filepath.Rel(d, dir); inside == "." || strings.HasPrefix(filepath.ToSlash(inside), "snapshots") {
				return strings.Replace(id, "--", "/", 1)
			}
		}
	}
	return ""
}

// FolderName is the last element of the folder's absolute path, or the name of the repository when the folder belongs
// to Hugging Face's cache. It also names files.
func FolderName(dir string) string {
	if id := CacheID(dir); id != "" {
		return id[strings.Index(id, "/")+1:]
	}
	return filepath.Base(absolute(dir))
}

func absolute(dir string) string {
	if store.IsURL(dir) {
		return strings.TrimSuffix(store.Plain(dir), "/")
	}
	if abs, err := filepath.Abs(dir); err == nil {
		return abs
	}
	return filepath.Clean(dir)
}

// Snapshot is the folder to open for dir: for models--ORG--NAME of Hugging Face's cache, or its snapshots, the snapshot
// that refs/main names or the only one; dir itself otherwise.
func Snapshot(dir string) (string, error) {
	root := dir
	if !store.IsURL(dir) {
		root = absolute(dir)
	}
	if store.Base(root) == "snapshots" {
		root = store.Dir(root)
	}
	if !strings.HasPrefix(store.Base(root), cachePrefix) {
		return dir, nil
	}
	entries, err := store.ReadDir(store.Join(root, "snapshots"))
	if err != nil {
		return dir, nil
	}
	ref := store.Join(root, "refs", "main")
	hash, err := store.ReadFile(ref)
	name := strings.TrimSpace(string(hash))
	if err != nil && len(entries) == 1 {
		name = entries[0].Name
	} else if err != nil {
		return "", fmt.Errorf("%s holds %d snapshots and no refs/main that chooses one: name the snapshot's folder", dir,
			len(entries))
	}
	snapshot := store.Join(root, "snapshots", name)
	if st, err := store.Stat(snapshot); name == "" || filepath.Base(name) != name || err != nil || !st.Folder {
		return "", fmt.Errorf("%s names the snapshot %q, which is not in %s: download the model again", ref, name,
			store.Join(root, "snapshots"))
	}
	return snapshot, nil
}
