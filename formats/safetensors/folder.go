package safetensors

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"bitmill/formats"
	"bitmill/formats/pyjson"
)

const (
	singleName = "model.safetensors"
	indexName  = "model.safetensors.index.json"
	maxIndex   = 100_000_000 // bytes
)

// Folder is the open checkpoint of a folder.
type Folder struct {
	Files   []*File
	Tensors []Tensor // file after file, each in the order of its data

	index map[string]int
}

// OpenFolder opens the checkpoint in dir: model.safetensors; else model.safetensors.index.json and the shards that it
// names, all of which must exist and hold exactly the tensors that it lists; else the only *.safetensors file.
func OpenFolder(dir string) (*Folder, error) {
	paths, where, err := folderFiles(dir)
	if err != nil {
		return nil, err
	}
	f := &Folder{index: map[string]int{}}
	if err := f.open(dir, paths, where); err != nil {
		f.Close()
		return nil, err
	}
	return f, nil
}

// folderFiles lists the file names to open, and the index (tensor -> file name), nil when there is none.
func folderFiles(dir string) (names []string, where map[string]string, err error) {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return nil, nil, err
	}
	has := map[string]bool{}
	for _, e := range entries {
		has[e.Name()] = true
		if strings.HasSuffix(e.Name(), ".safetensors") {
			names = append(names, e.Name())
		}
	}
	switch {
	case has[singleName]:
		return []string{singleName}, nil, nil
	case has[indexName]:
		return readIndex(filepath.Join(dir, indexName))
	case len(names) == 1:
		return names, nil, nil
	case len(names) > 1:
		return nil, nil, fmt.Errorf("%s holds %d *.safetensors files but no %s that says which belong together", dir,
			len(names), indexName)
	case has["pytorch_model.bin"] || has["pytorch_model.bin.index.json"]:
		return nil, nil, fmt.Errorf("%s: %w: a PyTorch checkpoint; save it as safetensors first", dir, formats.ErrUnsupported)
	}
	return nil, nil, fmt.Errorf("%s holds no *.safetensors file", dir)
}

// readIndex reads {"metadata": {...}, "weight_map": {TENSOR: FILE}}.
func readIndex(path string) (names []string, where map[string]string, err error) {
	b, err := os.ReadFile(path)
	if err != nil {
		return nil, nil, err
	}
	if len(b) > maxIndex {
		return nil, nil, formats.Corruptf(path, -1, "index", "%d bytes are more than the limit of %d", len(b), maxIndex)
	}
	var index struct {
		WeightMap map[string]string `json:"weight_map"`
	}
	if err := pyjson.Unmarshal(b, &index); err != nil {
		return nil, nil, pyjson.Corrupt(path, err)
	}
	if len(index.WeightMap) == 0 {
		return nil, nil, formats.Corruptf(path, -1, "weight_map", "it names no tensor")
	}
	for tensor, name := range index.WeightMap {
		if !filepath.IsLocal(name) || filepath.Base(name) != name {
			return nil, nil, formats.Corruptf(path, -1, "weight_map",
				"tensor %s is in %q, which is not the name of a file in this folder", tensor, name)
		}
		names = append(names, name)
	}
	slices.Sort(names)
	return slices.Compact(names), index.WeightMap, nil
}

// open opens the files and checks them against the index.
func (f *Folder) open(dir string, names []string, where map[string]string) error {
	indexPath := filepath.Join(dir, indexName)
	for i, name := range names {
		path := filepath.Join(dir, name)
		file, err := Open(path)
		if where != nil && errors.Is(err, fs.ErrNotExist) {
			return fmt.Errorf("shard %d of %d, named in %s, is missing: %w", i+1, len(names), indexPath, err)
		}
		if err != nil {
			return err
		}
		f.Files = append(f.Files, file)
		for _, t := range file.Tensors {
			if j, ok := f.index[t.Name]; ok {
				return formats.Corruptf(path, -1, "tensor "+t.Name, "it is also in %s", f.Tensors[j].File)
			}
			if where != nil && where[t.Name] != name {
				return formats.Corruptf(path, -1, "tensor "+t.Name, "%s", misplaced(indexPath, where[t.Name]))
			}
			f.index[t.Name] = len(f.Tensors)
			f.Tensors = append(f.Tensors, t)
		}
	}
	return f.checkIndex(indexPath, where)
}

func misplaced(index, file string) string {
	if file == "" {
		return index + " does not list it"
	}
	return index + " says it is in " + file
}

// checkIndex reports the first tensor, by name, that the index lists and no shard holds.
func (f *Folder) checkIndex(indexPath string, where map[string]string) error {
	var absent []string
	for name := range where {
		if _, ok := f.index[name]; !ok {
			absent = append(absent, name)
		}
	}
	if len(absent) == 0 {
		return nil
	}
	first := slices.Min(absent)
	return formats.Corruptf(indexPath, -1, "weight_map", "%d tensors are not in the file it names, the first is %s in %s",
		len(absent), first, where[first])
}

// Tensor finds a tensor by name.
func (f *Folder) Tensor(name string) (*Tensor, bool) {
	i, ok := f.index[name]
	if !ok {
		return nil, false
	}
	return &f.Tensors[i], true
}

// Close unmaps all files; tensor data must not be used afterwards.
func (f *Folder) Close() error {
	var errs []error
	for _, file := range f.Files {
		errs = append(errs, file.Close())
	}
	for i := range f.Tensors {
		f.Tensors[i].Data = nil
	}
	return errors.Join(errs...)
}
