package checkpoint

import (
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"bitmill/formats"
	"bitmill/formats/modelcard"
)

// tellLinks warns of files of the folder that are links to somewhere else. Caches are made of links, so they are
// followed; but a template or a vocabulary is copied into the files that are made, and a folder from a stranger could
// bring a link to a file that is nobody's business. Weights cannot be anything but weights.
func (c *Checkpoint) tellLinks() {
	root, err := filepath.EvalSymlinks(c.Path)
	if err != nil {
		return
	}
	if modelcard.CacheID(root) != "" { // .../snapshots/HASH, whose files are in .../blobs
		root = filepath.Dir(filepath.Dir(root))
	}
	first, n := "", 0
	for _, dir := range []string{c.Path, filepath.Join(c.Path, "additional_chat_templates")} {
		entries, _ := os.ReadDir(dir)
		for _, e := range entries {
			path := filepath.Join(dir, e.Name())
			if e.Type()&fs.ModeSymlink == 0 || filepath.Ext(path) == ".safetensors" {
				continue
			}
			to, err := filepath.EvalSymlinks(path)
			if err != nil {
				continue // reading it tells
			}
			if inside, err := filepath.Rel(root, to); err == nil && filepath.IsLocal(inside) {
				continue
			}
			if n++; n == 1 {
				first = fmt.Sprintf("%s is a link to %s", path, to)
			}
		}
	}
	switch {
	case n > 1:
		first += fmt.Sprintf(", and %s more lead out of the folder too", formats.Several(n-1, "link"))
		fallthrough
	case n == 1:
		c.Warnings = append(c.Warnings, first+": text from there goes into the files that are made, if the model's "+
			"tokenizer or template reads it")
	}
}
