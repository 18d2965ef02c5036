package safetensors

import (
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"path/filepath"
	"regexp"
	"slices"
	"strings"

	"bitmill/formats"
	"bitmill/formats/pyjson"
	"bitmill/formats/store"
)

const (
	singleName = "model.safetensors"
	indexName  = "model.safetensors.index.json"
	maxIndex   = 100_000_000 // bytes
)

// listing says which files make the checkpoint of a folder.
type listing struct {
	dir      string
	names    []string          // of the files to open
	where    map[string]string // the index: tensor -> file name; nil when there is none
	extras   func(names []string) func(name string) bool
	unneeded func(name string) bool
	warnings []string
}

func (l *listing) path() string { return store.Join(l.dir, indexName) }

// listFolder chooses the files.
func listFolder(dir string, extras func([]string) func(string) bool) (*listing, error) {
	entries, err := store.ReadDir(dir)
	if err != nil {
		return nil, err
	}
	l := &listing{dir: dir, extras: extras, unneeded: func(string) bool { return false }}
	has := map[string]bool{}
	for _, e := range entries {
		has[e.Name] = true
		if strings.HasSuffix(e.Name, ".safetensors") {
			l.names = append(l.names, e.Name)
		}
	}
	switch set := completeSet(l.names); {
	case has[indexName]:
		return l, l.followIndex(has[singleName])
	case has[singleName]:
		l.names = []string{singleName}
		return l, nil
	case len(l.names) == 1:
		return l, nil
	case set != nil:
		l.names = set
		return l, nil
	case len(l.names) > 1:
		return nil, fmt.Errorf("%s holds %d *.safetensors files but no %s that says which belong together", dir,
			len(l.names), indexName)
	case has["pytorch_model.bin"] || has["pytorch_model.bin.index.json"]:
		return nil, fmt.Errorf("%s: %w: a PyTorch checkpoint; save it as safetensors first", dir, formats.ErrUnsupported)
	}
	return nil, fmt.Errorf("%s holds no *.safetensors file", dir)
}

// followIndex takes the files that the index names; single: model.safetensors is in the folder too.
func (l *listing) followIndex(single bool) error {
	err := l.readIndex()
	missing := ""
	if err == nil {
		missing, err = l.dropMissing()
	}
	switch {
	case !single || slices.Contains(l.names, singleName) && err == nil:
		return err
	case err == nil && missing == "":
		l.warnings = append(l.warnings, fmt.Sprintf("%s is not read: %s names %d shards, which are all in the folder",
			store.Join(l.dir, singleName), indexName, len(l.names)))
		return nil
	case err == nil:
		err = fmt.Errorf("%s names %s, which is missing", l.path(), missing)
	}
	l.warnings = []string{fmt.Sprintf("%s is read instead of shards: %v", singleName, err)}
	l.names, l.where = []string{singleName}, nil
	return nil
}

// dropMissing leaves out missing shards from which nothing is needed, and returns the first missing one that is needed.
func (l *listing) dropMissing() (needed string, err error) {
	var names []string
	for _, name := range l.names {
		_, err := store.Stat(store.Join(l.dir, name))
		if err == nil || !errors.Is(err, fs.ErrNotExist) {
			names = append(names, name)
			continue
		}
		lost := 0
		for tensor, file := range l.where {
			if file == name && l.unneeded(tensor) {
				lost++
			} else if file == name && needed == "" {
				needed = name
			}
		}
		if needed != "" {
			names = append(names, name)
			continue
		}
		l.warnings = append(l.warnings, fmt.Sprintf("%s is missing: the model is complete without its %d tensors",
			store.Join(l.dir, name), lost))
	}
	l.names = names
	return needed, nil
}

// readIndex reads {"metadata": {...}, "weight_map": {TENSOR: FILE}}.
func (l *listing) readIndex() error {
	path := l.path()
	b, err := store.ReadFile(path)
	if err != nil {
		return err
	}
	if len(b) > maxIndex {
		return formats.Corruptf(path, -1, "index", "%d bytes are more than the limit of %d", len(b), maxIndex)
	}
	var index struct {
		WeightMap map[string]string `json:"weight_map"`
	}
	if err := pyjson.Unmarshal(b, &index); err != nil {
		return pyjson.Corrupt(path, err)
	}
	if len(index.WeightMap) == 0 {
		return formats.Corruptf(path, -1, "weight_map", "it names no tensor")
	}
	var names []string
	for tensor, name := range index.WeightMap {
		if !filepath.IsLocal(name) || filepath.Base(name) != name {
			return formats.Corruptf(path, -1, "weight_map",
				"tensor %s is in %q, which is not the name of a file in this folder", tensor, name)
		}
		names = append(names, name)
	}
	slices.Sort(names)
	l.names, l.where = slices.Compact(names), index.WeightMap
	if l.extras != nil {
		l.unneeded = l.extras(slices.Sorted(maps.Keys(l.where)))
	}
	return nil
}

// shardName matches the name of one shard of several.
var shardName = regexp.MustCompile(`^(.+)-(\d{5})-of-(\d{5})\.safetensors$`)

// completeSet is the only complete set of shards among names, in order; nil for none or several.
func completeSet(names []string) (set []string) {
	sets := map[string][]string{}
	for _, name := range names { // sorted
		if m := shardName.FindStringSubmatch(name); m != nil {
			key := m[1] + m[3]
			if m[2] == fmt.Sprintf("%05d", len(sets[key])+1) {
				sets[key] = append(sets[key], name)
			}
			if m[2] == m[3] && fmt.Sprintf("%05d", len(sets[key])) == m[3] {
				if set != nil {
					return nil
				}
				set = sets[key]
			}
		}
	}
	return set
}
