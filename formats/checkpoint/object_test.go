package checkpoint

import (
	"bytes"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"bitmill/formats"
	"bitmill/formats/checkpoint/checkpointtest"
	"bitmill/formats/gguf"
	"bitmill/formats/store"
	"bitmill/formats/store/storetest"
)

// forgetful leaves nothing of an object in memory that nobody holds: reading it would be a fault.
func forgetful(t *testing.T) {
	was := store.Room
	store.Room = 0
	t.Cleanup(func() { store.Room = was })
}

// layouts are cases whose tensors lie in the source in different ways: permuted, in columns, as nibbles, in parts, in
// spans, converted.
var layouts = []string{"llama", "gpt2", "gpt-oss-mxfp4", "mixtral", "phi3", "qwen3-next", "gemma2", "mamba2"}

// A folder of objects is the same model as the folder.
func TestFolderOfObjects(t *testing.T) {
	forgetful(t)
	s, url := storetest.Start(t)
	for _, name := range layouts {
		dir := checkpointtest.Load(t, name).FolderWithTokenizer(t)
		s.PutFolder(t, "dir/"+name, dir)
		sameModel(t, url+"/dir/"+name+"/", dir, OpenOptions{})
	}
}

func TestQuantizedFolderOfObjects(t *testing.T) {
	forgetful(t)
	s, url := storetest.Start(t)
	for _, kind := range checkpointtest.PackedKinds {
		dir := t.TempDir()
		checkpointtest.Load(t, "llama").Packed(t, dir, kind)
		s.PutFolder(t, "packed", dir)
		o := OpenOptions{AllowRequantize: true}
		if kind != "lora" {
			sameModel(t, url+"/packed/"+kind, filepath.Join(dir, kind), o)
			continue
		}
		local, remote := o, o
		local.Adapter, remote.Adapter = filepath.Join(dir, "lora.lora"), url+"/packed/lora.lora"
		a, b := openWith(t, filepath.Join(dir, kind), local), openWith(t, url+"/packed/"+kind, remote)
		sameRowsAndHash(t, b, a)
	}
}

func sameModel(t *testing.T, url, dir string, o OpenOptions) {
	t.Helper()
	got, want := openWith(t, url, o), openWith(t, dir, o)
	if !slices.Equal(got.Metadata.Keys(), want.Metadata.Keys()) || len(got.Warnings) != len(want.Warnings) {
		t.Errorf("%s: keys %q, warnings %q", url, got.Metadata.Keys(), got.Warnings)
	}
	sameRowsAndHash(t, got, want)
}

func sameRowsAndHash(t *testing.T, got, want *Checkpoint) {
	t.Helper()
	if len(got.Tensors) != len(want.Tensors) {
		t.Fatalf("%s: %d tensors", got.Path, len(got.Tensors))
	}
	for i := range want.Tensors {
		g, w := &got.Tensors[i], &want.Tensors[i]
		size, err := w.Tensor.Bytes()
		if err != nil {
			t.Fatal(err)
		}
		a, b := make([]byte, size), make([]byte, size)
		if err := errors.Join(w.ReadRows(a, 0, w.Rows()), g.ReadRows(b, 0, w.Rows())); err != nil || !bytes.Equal(a, b) {
			t.Errorf("%s: %s differs: %v", got.Path, w.Name, err)
		}
		row := w.Rows() / 2
		x, y := make([]float32, w.Cols()), make([]float32, w.Cols())
		if err := errors.Join(w.Floats(x, row, 1), g.Floats(y, row, 1)); err != nil || !slices.Equal(x, y) {
			t.Errorf("%s: row %d of %s differs: %v", got.Path, row, w.Name, err)
		}
	}
	a, errA := got.Hash()
	b, errB := want.Hash()
	if errA != nil || errB != nil || a != b {
		t.Errorf("%s: hash %s, %v, not %s, %v", got.Path, a, errA, b, errB)
	}
}

func TestGGUFObjects(t *testing.T) {
	forgetful(t)
	s, url := storetest.Start(t)
	dir := t.TempDir()
	c := open(t, checkpointtest.Load(t, "llama").FolderWithTokenizer(t))
	shards, err := gguf.Split(c.Metadata, c.infos(), gguf.SplitOptions{MaxTensors: 5})
	if err != nil {
		t.Fatal(err)
	}
	for i, p := range shards {
		writeShard(t, filepath.Join(dir, gguf.ShardPath("m", i, len(shards))), c, p)
	}
	s.PutFolder(t, "gguf", dir)
	first := gguf.ShardPath("m", 0, len(shards))
	sameModel(t, url+"/gguf/"+first+"?region=us-east-1", filepath.Join(dir, first), OpenOptions{})
}

// A snapshot of the hub's cache is found as in a folder.
func TestCacheOfObjects(t *testing.T) {
	s, url := storetest.Start(t)
	dir := checkpointtest.Load(t, "llama").FolderWithTokenizer(t)
	s.PutFolder(t, "hub/models--Org--Name-7B/snapshots/abc", dir)
	s.Put("hub/models--Org--Name-7B/refs/main", []byte("abc"))
	c := open(t, url+"/hub/models--Org--Name-7B")
	if name, _ := c.Metadata.Get("general.name"); c.Path != url+"/hub/models--Org--Name-7B/snapshots/abc" || name != "Name 7B" {
		t.Errorf("%s, named %v", c.Path, name)
	}
}

// Opening a model of many shards reads headers, and nothing else.
func TestOpeningReadsHeaders(t *testing.T) {
	s, url := storetest.Start(t)
	dir := t.TempDir()
	size := checkpointtest.Sparse(t, dir, checkpointtest.Sixteen)
	s.PutFolder(t, "big", dir)
	c := openWith(t, url+"/big", OpenOptions{})
	if sent := s.Sent.Load(); len(c.Tensors) == 0 || sent > 1<<20 {
		t.Errorf("%d bytes of %d were read", sent, size)
	}
}

func TestObjectsThatAreMissing(t *testing.T) {
	s, url := storetest.Start(t)
	s.Put("a/readme.txt", nil)
	s.Put("a/m.gguf", nil)
	for _, path := range []string{url + "/none", url + "/a", url + "/a/m.gguf", "s3://other/x"} {
		if c, err := Open(path); err == nil {
			t.Errorf("%s: opened %v", path, c)
		}
	}
}

// infos lists the tensors.
func (c *Checkpoint) infos() (list []formats.Tensor) {
	for i := range c.Tensors {
		list = append(list, c.Tensors[i].Tensor)
	}
	return list
}

func writeShard(t *testing.T, path string, c *Checkpoint, p gguf.PlannedShard) {
	t.Helper()
	var b bytes.Buffer
	err := gguf.Write(&b, p.Metadata, p.Tensors, func(i int) ([]byte, error) {
		x := &c.Tensors[p.First+i]
		size, err := x.Tensor.Bytes()
		if err != nil {
			return nil, err
		}
		data := make([]byte, size)
		return data, x.ReadRows(data, 0, x.Rows())
	})
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, b.Bytes(), 0o644); err != nil {
		t.Fatal(err)
	}
}
