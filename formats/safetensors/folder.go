package safetensors

import (
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"slices"

	"bitmill/formats"
	"bitmill/formats/store"
)

// Folder is the open checkpoint of a folder.
type Folder struct {
	Files    []*File
	Tensors  []Tensor // file after file, each in the order of its data
	Warnings []string // what was left out; sentences without a full stop

	index map[string]int
}

// OpenFolder opens the checkpoint in dir: model.safetensors.index.json and the shards that it names; else
// model.safetensors, the shards of a complete set (NAME-00001-of-00002.safetensors ...), or the only *.safetensors file.
//
// The index decides: it may take tensors from one shard that another one holds too. Every tensor that it lists must be
// in the file that it names, and the shards must hold no other ones, except where the caller does not need them: extras
// gets all names of the index and returns what reports that; nil: all are needed. An index without its shards gives way
// to model.safetensors.
func OpenFolder(dir string, extras func(names []string) func(name string) bool) (*Folder, error) {
	l, err := listFolder(dir, extras)
	if err != nil {
		return nil, err
	}
	f := &Folder{index: map[string]int{}, Warnings: l.warnings}
	if err := f.open(l); err != nil {
		f.Close()
		return nil, err
	}
	return f, nil
}

// open opens the files and checks them against the index.
func (f *Folder) open(l *listing) error {
	elsewhere := map[string]string{} // the file of a tensor that the index takes from another one
	for i, name := range l.names {
		path := store.Join(l.dir, name)
		file, err := Open(path)
		if l.where != nil && errors.Is(err, fs.ErrNotExist) {
			return fmt.Errorf("shard %d of %d, named in %s, is missing: %w", i+1, len(l.names), l.path(), err)
		}
		if err != nil {
			return err
		}
		f.Files = append(f.Files, file)
		for _, t := range file.Tensors {
			from, listed := l.where[t.Name]
			switch j, taken := f.index[t.Name]; {
			case listed && from != name:
				elsewhere[t.Name] = path
				continue
			case l.where != nil && !listed && !l.unneeded(t.Name):
				return formats.Corruptf(path, -1, "tensor "+t.Name, "%s does not list it", l.path())
			case taken:
				return formats.Corruptf(path, -1, "tensor "+t.Name, "it is also in %s", f.Tensors[j].File)
			}
			f.index[t.Name] = len(f.Tensors)
			f.Tensors = append(f.Tensors, t)
		}
	}
	return f.checkIndex(l, elsewhere)
}

// checkIndex reports the first tensor, by name, that the index lists and its file does not hold.
func (f *Folder) checkIndex(l *listing, elsewhere map[string]string) error {
	for _, name := range slices.Sorted(maps.Keys(elsewhere)) {
		if _, ok := f.index[name]; !ok && !l.unneeded(name) {
			return formats.Corruptf(elsewhere[name], -1, "tensor "+name, "%s says it is in %s", l.path(), l.where[name])
		}
	}
	var absent []string
	for name := range l.where {
		if _, ok := f.index[name]; !ok && !l.unneeded(name) {
			absent = append(absent, name)
		}
	}
	if len(absent) > 0 {
		first := slices.Min(absent)
		return formats.Corruptf(l.path(), -1, "weight_map",
			"%d tensors are not in the file it names, the first is %s in %s", len(absent), first, l.where[first])
	}
	if len(elsewhere) > 0 {
		first := slices.Min(slices.Collect(maps.Keys(elsewhere)))
		f.Warnings = append(f.Warnings, fmt.Sprintf("tensors in several shards are read from the one that %s names: "+
			"%d of them, the first is %s, from %s and not from %s", indexName, len(elsewhere), first, l.where[first],
			store.Base(elsewhere[first])))
	}
	return nil
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
