package quantize

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"bitmill/formats/checkpoint"
	"bitmill/formats/file"
	"bitmill/formats/gguf"
)

// Artifact is an artifact to write.
type Artifact struct {
	Plan *Plan
	Path string // for an artifact in shards NAME.gguf stands for NAME-00001-of-0000N.gguf and so on

	// ResumeKey covers what the artifact is made from: source, importance matrix and version of the tool (see
	// Provenance.ResumeKey). An interrupted Write is resumed by the next one with the same key and an equal plan;
	// without a key, it never is.
	ResumeKey string
}

// paths lists the files of the artifact.
func (a Artifact) paths() []string {
	n := len(a.Plan.Shards)
	if n == 0 {
		return []string{a.Path}
	}
	list := make([]string, n)
	for i := range list {
		list[i] = gguf.ShardPath(strings.TrimSuffix(a.Path, ".gguf"), i, n)
	}
	return list
}

// checkTargets refuses artifacts that overwrite each other or the source, that cannot be written, or that do not fit
// together in their folder.
func checkTargets(c *checkpoint.Checkpoint, artifacts []Artifact) error {
	sources := append(folderFiles(c.Path), c.Files()...)
	sizes := map[string]int64{}
	for _, a := range artifacts {
		paths := a.paths()
		for i, p := range a.Plan.shards() {
			path := filepath.Clean(paths[i])
			if _, ok := sizes[path]; ok {
				return fmt.Errorf("two artifacts would be written to %s", paths[i])
			}
			if err := file.CheckTarget(paths[i], sources...); err != nil {
				return err
			}
			sizes[path] = p.Layout.FileBytes
		}
	}
	return file.CheckRoom(sizes)
}

// folderFiles lists the files of a Hugging Face folder besides artifacts: configuration and vocabulary are as much the
// model as the tensors are.
func folderFiles(path string) (list []string) {
	entries, err := os.ReadDir(path)
	if err != nil {
		return nil // a file
	}
	for _, e := range entries {
		if filepath.Ext(e.Name()) != ".gguf" {
			list = append(list, filepath.Join(path, e.Name()))
		}
	}
	return list
}
