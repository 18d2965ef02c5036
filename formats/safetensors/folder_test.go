package safetensors

import (
	"bytes"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"bitmill/formats"
)

// folder writes files into a new folder: a name ending in .safetensors gets one byte-sized tensor per word of its
// text, every other name the text itself.
func folder(t *testing.T, files map[string]string) string {
	t.Helper()
	dir := t.TempDir()
	for name, text := range files {
		b := []byte(text)
		if strings.HasSuffix(name, ".safetensors") {
			var list []Tensor
			for i, word := range strings.Fields(text) {
				list = append(list, Tensor{Name: word, DType: "U8", Shape: []int64{1}, Data: []byte{byte(i)}})
			}
			var w bytes.Buffer
			if err := Write(&w, list, nil); err != nil {
				t.Fatal(err)
			}
			b = w.Bytes()
		}
		if err := os.WriteFile(filepath.Join(dir, name), b, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

func TestOpenFolder(t *testing.T) {
	index := `{"metadata":{"total_size":3},"weight_map":{"a":"m-1.safetensors","b":"m-1.safetensors","c":"m-2.safetensors"}}`
	for _, c := range []struct {
		name  string
		files map[string]string
		want  string // tensors in order
		n     int    // files
	}{
		{"single", map[string]string{"model.safetensors": "b a", "other.safetensors": "x"}, "b a", 1},
		{"sharded", map[string]string{"m-1.safetensors": "b a", "m-2.safetensors": "c", indexName: index, "consolidated.safetensors": "x"}, "b a c", 2},
		{"other name", map[string]string{"weights.safetensors": "a"}, "a", 1},
	} {
		f, err := OpenFolder(folder(t, c.files), nil)
		if err != nil {
			t.Errorf("%s: %v", c.name, err)
			continue
		}
		var names []string
		for _, x := range f.Tensors {
			names = append(names, x.Name)
		}
		if got := strings.Join(names, " "); got != c.want || len(f.Files) != c.n {
			t.Errorf("%s: tensors %q in %d files", c.name, got, len(f.Files))
		}
		a, ok := f.Tensor("a")
		if !ok || len(a.Data) != 1 || filepath.Ext(a.File) != ".safetensors" {
			t.Errorf("%s: a is %+v", c.name, a)
		}
		if _, ok := f.Tensor("x"); ok {
			t.Errorf("%s: a tensor of a file that does not belong was found", c.name)
		}
		if err := f.Close(); err != nil {
			t.Error(err)
		}
		if err := f.Close(); err != nil || f.Tensors[0].Data != nil {
			t.Errorf("%s: closed again: %v", c.name, err)
		}
	}
}

// TestOpenFolderChooses: the index decides which copy of a tensor counts, and what is left out is told.
func TestOpenFolderChooses(t *testing.T) {
	index := func(weights string) string { return `{"weight_map":{` + weights + `}}` }
	ab := index(`"a":"m-1.safetensors","b":"m-2.safetensors"`)
	for _, c := range []struct {
		name  string
		files map[string]string
		want  string // files and tensors in order
		says  string // the only warning; "": none
	}{
		{"overlay", map[string]string{indexName: index(`"a":"m-1.safetensors","b":"over.safetensors","c":"m-2.safetensors"`),
			"m-1.safetensors": "a b", "m-2.safetensors": "c b", "over.safetensors": "b"}, "m-1:a m-2:c over:b",
			"tensors in several shards are read from the one that model.safetensors.index.json names: 1 of them, the first is b, from over.safetensors and not from m-2.safetensors"},
		{"copy", map[string]string{indexName: ab, "m-1.safetensors": "a", "m-2.safetensors": "a b"}, "m-1:a m-2:b", "tensors in several shards are read from the one"},
		{"stray single file", map[string]string{indexName: ab, "m-1.safetensors": "a", "m-2.safetensors": "b", singleName: "a b x"}, "m-1:a m-2:b",
			"DIR/model.safetensors is not read: model.safetensors.index.json names 2 shards, which are all in the folder"},
		{"stray index", map[string]string{indexName: ab, "m-1.safetensors": "a", singleName: "a b x"}, "model:a model:b model:x",
			"model.safetensors is read instead of shards: DIR/model.safetensors.index.json names m-2.safetensors, which is missing"},
		{"damaged index", map[string]string{indexName: `{"weight_map":`, singleName: "a"}, "model:a", "model.safetensors is read instead of shards: DIR/model.safetensors.index.json is corrupt"},
		{"index of a single file", map[string]string{indexName: index(`"a":"model.safetensors"`), singleName: "a"}, "model:a", ""},
		{"index that begins with a mark", map[string]string{indexName: "\xef\xbb\xbf" + ab, "m-1.safetensors": "a", "m-2.safetensors": "b"}, "m-1:a m-2:b", ""},
		{"key twice", map[string]string{indexName: index(`"a":"none.safetensors","a":"m-1.safetensors"`), "m-1.safetensors": "a"}, "m-1:a", ""},
		{"missing shard that nobody needs", map[string]string{indexName: index(`"a":"m-1.safetensors","un.1":"m-2.safetensors","un.2":"m-2.safetensors"`), "m-1.safetensors": "a"},
			"m-1:a", "DIR/m-2.safetensors is missing: the model is complete without its 2 tensors"},
		{"listed tensor that nobody needs", map[string]string{indexName: index(`"a":"m-1.safetensors","un.1":"m-1.safetensors"`), "m-1.safetensors": "a"}, "m-1:a", ""},
		{"tensor not listed that nobody needs", map[string]string{indexName: index(`"a":"m-1.safetensors"`), "m-1.safetensors": "a un.1"}, "m-1:a m-1:un.1", ""},
		{"set without an index", map[string]string{"m-00001-of-00002.safetensors": "a", "m-00002-of-00002.safetensors": "b", "consolidated.safetensors": "x"},
			"m-00001-of-00002:a m-00002-of-00002:b", ""},
	} {
		dir := folder(t, c.files)
		f, err := OpenFolder(dir, func(names []string) func(string) bool {
			if !slices.IsSorted(names) {
				t.Errorf("%s: %q is not sorted", c.name, names)
			}
			return func(name string) bool { return strings.HasPrefix(name, "un.") }
		})
		if err != nil {
			t.Errorf("%s: %v", c.name, err)
			continue
		}
		var got []string
		for _, x := range f.Tensors {
			got = append(got, strings.TrimSuffix(filepath.Base(x.File), ".safetensors")+":"+x.Name)
			if y, ok := f.Tensor(x.Name); !ok || y.File != x.File || len(x.Data) != 1 {
				t.Errorf("%s: %s is found as %+v", c.name, x.Name, y)
			}
		}
		if strings.Join(got, " ") != c.want {
			t.Errorf("%s: %q, want %q", c.name, got, c.want)
		}
		says := strings.ReplaceAll(c.says, "DIR", dir)
		if len(f.Warnings) != min(1, len(says)) || !strings.HasPrefix(strings.Join(f.Warnings, "\n"), says) {
			t.Errorf("%s: warnings %q", c.name, f.Warnings)
		}
		f.Close()
	}
}

func TestOpenFolderErrors(t *testing.T) {
	index := func(weights string) string { return `{"weight_map":{` + weights + `}}` }
	ab := index(`"a":"m-1.safetensors","b":"m-2.safetensors"`)
	for _, c := range []struct {
		name  string
		files map[string]string
		is    error
		says  string
	}{
		{"nothing", map[string]string{"config.json": "{}"}, nil, "no *.safetensors"},
		{"pytorch", map[string]string{"pytorch_model.bin": ""}, formats.ErrUnsupported, "PyTorch"},
		{"several", map[string]string{"a.safetensors": "a", "b.safetensors": "b"}, nil, "2 *.safetensors files but no model.safetensors.index.json"},
		{"missing shard", map[string]string{indexName: ab, "m-1.safetensors": "a"}, fs.ErrNotExist, "shard 2 of 2, named in DIR/model.safetensors.index.json, is missing: open DIR/m-2.safetensors"},
		{"absent tensor", map[string]string{indexName: ab, "m-1.safetensors": "a", "m-2.safetensors": ""}, formats.ErrCorrupt, "the first is b in m-2.safetensors"},
		{"tensor in another shard", map[string]string{indexName: ab, "m-1.safetensors": "a b", "m-2.safetensors": ""}, formats.ErrCorrupt, "index.json says it is in m-2.safetensors"},
		{"tensor not listed", map[string]string{indexName: ab, "m-1.safetensors": "a c", "m-2.safetensors": "b"}, formats.ErrCorrupt, "index.json does not list it"},
		{"tensor in two shards of a set", map[string]string{"m-00001-of-00002.safetensors": "a", "m-00002-of-00002.safetensors": "a b"}, formats.ErrCorrupt, "tensor a: it is also in DIR/m-00001-of-00002.safetensors"},
		{"half a set", map[string]string{"m-00001-of-00003.safetensors": "a", "m-00002-of-00003.safetensors": "b"}, nil, "2 *.safetensors files but no model.safetensors.index.json"},
		{"two sets", map[string]string{"m-00001-of-00001.safetensors": "a", "n-00001-of-00001.safetensors": "b"}, nil, "2 *.safetensors files but no model.safetensors.index.json"},
		{"no JSON", map[string]string{indexName: "x"}, formats.ErrCorrupt, "index"},
		{"no weights", map[string]string{indexName: "{}"}, formats.ErrCorrupt, "names no tensor"},
		{"path outside", map[string]string{indexName: index(`"a":"../m.safetensors"`)}, formats.ErrCorrupt, "not the name of a file in this folder"},
		{"absolute path", map[string]string{indexName: index(`"a":"/m.safetensors"`)}, formats.ErrCorrupt, "not the name of a file in this folder"},
		{"empty file name", map[string]string{indexName: index(`"a":""`)}, formats.ErrCorrupt, "not the name of a file in this folder"},
	} {
		dir := folder(t, c.files)
		_, err := OpenFolder(dir, nil)
		if err == nil || (c.is != nil && !errors.Is(err, c.is)) || !strings.Contains(err.Error(), strings.ReplaceAll(c.says, "DIR", dir)) {
			t.Errorf("%s: %v; want an error that says %q", c.name, err, c.says)
		}
	}
	if _, err := OpenFolder(filepath.Join(t.TempDir(), "none"), nil); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("missing folder: %v", err)
	}
	if _, err := Open(t.TempDir()); err == nil {
		t.Error("a folder was opened as a file")
	}
}
