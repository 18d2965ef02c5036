package gguf

import (
	"bytes"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"

	"bitmill/formats"
)

// shard is one file of a split under test.
type shard struct {
	no, count, total any // split.* values; nil leaves the key out
	names            []string
}

// write writes the shards of a split as dir/m-0000I-of-0000N.gguf.
func write(t *testing.T, shards ...shard) (dir string) {
	t.Helper()
	dir = t.TempDir()
	for i, s := range shards {
		m := &Metadata{}
		for key, v := range map[string]any{KeySplitNo: s.no, KeySplitCount: s.count, KeySplitTensors: s.total} {
			if v != nil {
				m.Set(key, v)
			}
		}
		var tensors []formats.Tensor
		for _, n := range s.names {
			tensors = append(tensors, formats.Tensor{Name: n, Type: formats.F32, Shape: []int64{1}})
		}
		var b bytes.Buffer
		if err := Write(&b, m, tensors, func(j int) ([]byte, error) { return []byte{byte(i), byte(j), 0, 0}, nil }); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(ShardPath(filepath.Join(dir, "m"), i, len(shards)), b.Bytes(), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

func goodSplit() []shard {
	n, total := uint16(3), int32(4)
	return []shard{
		{uint16(0), n, total, []string{"a", "b"}},
		{uint16(1), n, total, []string{"c"}},
		{uint16(2), n, total, []string{"d"}},
	}
}

func TestOpenSplit(t *testing.T) {
	dir := write(t, goodSplit()...)
	f, err := Open(filepath.Join(dir, "m-00001-of-00003.gguf"))
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	var bytes int64
	for _, x := range f.Tensors {
		names = append(names, x.Name)
	}
	for _, s := range f.Shards {
		bytes += s.Bytes
	}
	if !reflect.DeepEqual(names, []string{"a", "b", "c", "d"}) || len(f.Shards) != 3 || f.Bytes() != bytes {
		t.Errorf("tensors %q in %d shards of %d bytes", names, len(f.Shards), f.Bytes())
	}
	d, ok := f.Tensor("d")
	if !ok || d.Shard != 2 || d.Data[0] != 2 {
		t.Errorf("d: %+v", d)
	}
	if b, _ := f.Tensor("b"); b.Shard != 0 || b.Data[1] != 1 {
		t.Errorf("b: %+v", b)
	}
	if err := f.Close(); err != nil {
		t.Error(err)
	}
	if err := f.Close(); err != nil {
		t.Errorf("closed again: %v", err)
	}
}

func TestOpenSplitErrors(t *testing.T) {
	change := func(i int, f func(s *shard)) []shard {
		list := goodSplit()
		f(&list[i])
		return list
	}
	for _, c := range []struct {
		name   string
		shards []shard
		open   string
		after  func(dir string) error
		is     error
		says   string
	}{
		{"second shard", goodSplit(), "m-00002-of-00003.gguf", nil, nil, "shard 2 of 3 of a split model; open DIR/m-00001-of-00003.gguf instead"},
		{"renamed first shard", goodSplit(), "m.gguf", func(dir string) error {
			return os.Rename(filepath.Join(dir, "m-00001-of-00003.gguf"), filepath.Join(dir, "m.gguf"))
		}, nil, "must end in -00001-of-00003.gguf"},
		{"renamed third shard", goodSplit(), "m.gguf", func(dir string) error {
			return os.Rename(filepath.Join(dir, "m-00003-of-00003.gguf"), filepath.Join(dir, "m.gguf"))
		}, nil, "shard 3 of 3 of a split model; open the first shard"},
		{"missing", goodSplit(), "", func(dir string) error { return os.Remove(filepath.Join(dir, "m-00003-of-00003.gguf")) },
			fs.ErrNotExist, "shard 3 of 3 of m-00001-of-00003.gguf is missing: open DIR/m-00003-of-00003.gguf"},
		{"broken", goodSplit(), "", func(dir string) error { return os.Truncate(filepath.Join(dir, "m-00002-of-00003.gguf"), 40) },
			formats.ErrCorrupt, "m-00002-of-00003.gguf is corrupt"},
		{"other number", change(1, func(s *shard) { s.no = uint16(2) }), "", nil, formats.ErrCorrupt, "this is shard 3 of 3; shard 2 of 3"},
		{"other count", change(2, func(s *shard) { s.count = uint16(4) }), "", nil, formats.ErrCorrupt, "this is shard 3 of 4"},
		{"no keys", change(2, func(s *shard) { *s = shard{names: s.names} }), "", nil, formats.ErrCorrupt, "this is shard 1 of 0"},
		{"tensors missing", change(1, func(s *shard) { s.names = nil }), "", nil, formats.ErrCorrupt, "4 tensors are claimed, the 3 shards hold 3"},
		{"tensor in two shards", change(1, func(s *shard) { s.names = []string{"a"} }), "", nil, formats.ErrCorrupt, "tensor a: the name occurs twice"},
		{"number beyond count", change(0, func(s *shard) { s.no = uint16(3) }), "", nil, formats.ErrCorrupt, "shard number 3"},
		{"count of a wrong type", change(0, func(s *shard) { s.count = "3" }), "", nil, formats.ErrCorrupt, "split.count holds str"},
		{"count too large", change(0, func(s *shard) { s.count = uint64(1 << 40) }), "", nil, formats.ErrCorrupt, "out of range"},
		{"negative total", change(0, func(s *shard) { s.total = int32(-4) }), "", nil, formats.ErrCorrupt, "negative"},
	} {
		dir := write(t, c.shards...)
		if c.after != nil {
			if err := c.after(dir); err != nil {
				t.Fatal(err)
			}
		}
		if c.open == "" {
			c.open = "m-00001-of-00003.gguf"
		}
		_, err := Open(filepath.Join(dir, c.open))
		if err == nil || (c.is != nil && !errors.Is(err, c.is)) || !strings.Contains(err.Error(), strings.ReplaceAll(c.says, "DIR", dir)) {
			t.Errorf("%s: %v; want %q", c.name, err, c.says)
		}
	}
}

func TestOpenErrors(t *testing.T) {
	dir := t.TempDir()
	if _, err := Open(filepath.Join(dir, "none.gguf")); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("missing file: %v", err)
	}
	if _, err := Open(dir); err == nil {
		t.Error("a folder was opened")
	}
	empty := filepath.Join(dir, "empty.gguf")
	if err := os.WriteFile(empty, nil, 0o644); err != nil {
		t.Fatal(err)
	}
	if _, err := Open(empty); !errors.Is(err, formats.ErrCorrupt) {
		t.Errorf("empty file: %v", err)
	}
}
