package quantize

import (
	"fmt"
	"maps"
	"strings"

	"bitmill/formats/checkpoint"
	"bitmill/formats/file"
	"bitmill/formats/gguf"
	"bitmill/formats/store"
)

// Artifact is an artifact to write.
type Artifact struct {
	Plan *Plan
	Path string // for an artifact in shards NAME.gguf stands for NAME-00001-of-0000N.gguf and so on

	// ResumeKey covers what the artifact is made from: source, importance matrix and version of the tool (see
	// Provenance.ResumeKey). An interrupted Write is resumed by the next one with the same key and an equal plan;
	// without a key, it never is.
	ResumeKey string

	Replace bool // an object of the name, where Path is a URL; files are replaced anyway
}

// paths lists the files of the artifact.
func (a Artifact) paths() []string {
	n := len(a.Plan.Shards)
	if n == 0 {
		return []string{a.Path}
	}
	list := make([]string, n)
	for i := range list {
		list[i] = ShardName(a.Path, i, n)
	}
	return list
}

// ShardName is the path or URL of shard i of n of an artifact in shards.
func ShardName(name string, i, n int) string {
	return gguf.ShardPath(strings.TrimSuffix(store.Plain(name), ".gguf"), i, n) + store.Query(name)
}

// checkTargets refuses artifacts that overwrite each other or the source, that cannot be written, or that do not fit
// together in their folder.
func checkTargets(c *checkpoint.Checkpoint, artifacts []Artifact) error {
	sources := append(folderFiles(c.Path), c.Files()...)
	sizes := map[string]int64{}
	for _, a := range artifacts {
		paths := a.paths()
		for i, p := range a.Plan.shards() {
			path := store.Clean(paths[i])
			if _, ok := sizes[path]; ok {
				return fmt.Errorf("two artifacts would be written to %s", paths[i])
			}
			if err := store.CheckTarget(paths[i], store.Options{Replace: a.Replace}, sources...); err != nil {
				return err
			}
			sizes[path] = p.Layout.FileBytes
		}
	}
	maps.DeleteFunc(sizes, func(path string, _ int64) bool { return store.IsURL(path) })
	return file.CheckRoom(sizes)
}

// folderFiles lists the files of a Hugging Face folder besides artifacts: configuration and vocabulary are as much the
// model as the tensors are.
func folderFiles(path string) (list []string) {
	entries, err := store.ReadDir(path)
	if err != nil {
		return nil // a file
	}
	for _, e := range entries {
		if store.Ext(e.Name) != ".gguf" {
			list = append(list, store.Join(path, e.Name))
		}
	}
	return list
}
