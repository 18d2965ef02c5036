package quantize

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"bitmill/formats/checkpoint"
	"bitmill/formats/file/filetest"
	"bitmill/formats/gguf"
)

// joined is the data of all tensors by name, of a file or a set.
func joined(t *testing.T, path string) map[string]string {
	t.Helper()
	f, err := gguf.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	all := map[string]string{}
	for _, x := range f.Tensors {
		all[x.Name] = x.Type.String() + string(x.Data)
	}
	return all
}

func same(a, b map[string]string) bool {
	for k, v := range a {
		if b[k] != v {
			return false
		}
	}
	return len(a) == len(b)
}

func TestShardsHoldWhatOneFileHolds(t *testing.T) {
	c, dir := openCase(t, "llama"), t.TempDir()
	whole := filepath.Join(dir, "whole.gguf")
	writeOne(t, c, mustPlan(t, c, Options{Format: "Q4_K_M"}), whole)
	p := mustPlan(t, c, Options{Format: "Q4_K_M", SplitBytes: 300_000})
	w := writeOne(t, c, p, filepath.Join(dir, "cut.gguf"))
	if len(p.Shards) < 3 || len(w.Files) != len(p.Shards) || w.Path != gguf.ShardPath(filepath.Join(dir, "cut"), 0, len(p.Shards)) || w.Bytes != p.FileBytes || w.SHA256 != "" {
		t.Fatalf("%d shards planned; %+v", len(p.Shards), w)
	}
	for i, f := range w.Files {
		if st, err := os.Stat(f.Path); err != nil || st.Size() != f.Bytes || f.Bytes != p.Shards[i].Layout.FileBytes {
			t.Errorf("%s: %v, %v, planned %d", f.Path, st, err, p.Shards[i].Layout.FileBytes)
		}
	}
	if !same(joined(t, whole), joined(t, w.Path)) {
		t.Error("the shards hold other data than the file")
	}
	// From the shards, into shards like them.
	cut, err := checkpoint.Open(w.Path)
	if err != nil {
		t.Fatal(err)
	}
	defer cut.Close()
	copied := mustPlan(t, cut, Options{Format: "COPY", KeepSplit: true})
	again := writeOne(t, cut, copied, filepath.Join(dir, "again"))
	if len(again.Files) != len(w.Files) || !same(joined(t, whole), joined(t, again.Path)) {
		t.Errorf("copied into %d shards of %d", len(again.Files), len(w.Files))
	}
	for i := range copied.Shards {
		if a, b := len(copied.Shards[i].Tensors), len(p.Shards[i].Tensors); a != b {
			t.Errorf("shard %d: %d tensors, the source's has %d", i, a, b)
		}
	}
	if _, err := NewPlan(c, nil, Options{Format: "Q8_0", KeepSplit: true, SplitBytes: 1 << 20}); err == nil {
		t.Error("the source's shards and others were asked for at once")
	}
}

// A set is interrupted, goes on, fails in its last rename, and in the end is whole.
func TestShardsAreAllOrNothing(t *testing.T) {
	c, dir := openCase(t, "llama"), t.TempDir()
	p := mustPlan(t, c, Options{Format: "Q8_0", SplitBytes: 500_000})
	artifacts := []Artifact{{Plan: p, Path: filepath.Join(dir, "a.gguf"), ResumeKey: "key"}}
	interrupt(t, c, artifacts, 0.6)
	gone := 0
	list, _ := os.ReadDir(dir)
	for _, e := range list {
		if strings.HasSuffix(e.Name(), ".gguf") {
			gone++
		}
	}
	if gone > 0 {
		t.Errorf("%d shards have their names before the set is complete", gone)
	}
	first := artifacts[0].paths()[0]
	t.Run("rename", func(t *testing.T) {
		filetest.Inject(t, filetest.Fault{Op: "rename", Path: first, Err: syscall.EIO})
		if _, err := Write(context.Background(), c, nil, artifacts, WriteOptions{}); !errors.Is(err, syscall.EIO) {
			t.Error(err)
		}
		checkEmpty(t, dir)
	})
	interrupt(t, c, artifacts, 0.6)
	written, err := Write(context.Background(), c, nil, artifacts, WriteOptions{})
	if err != nil {
		t.Fatal(err)
	}
	if written[0].Resumed == 0 {
		t.Error("nothing was kept")
	}
	if !same(joined(t, first), func() map[string]string {
		path := filepath.Join(t.TempDir(), "whole")
		writeOne(t, c, mustPlan(t, c, Options{Format: "Q8_0"}), path)
		return joined(t, path)
	}()) {
		t.Error("the shards hold other data than the file")
	}
	if list, _ := os.ReadDir(dir); len(list) != len(p.Shards) {
		t.Errorf("left: %v", list)
	}
}

func TestCopyTakesNoTypes(t *testing.T) {
	c := openCase(t, "llama")
	for _, o := range []Options{{Pure: true}, {OutputType: "q8_0"}, {EmbeddingType: "q8_0"}, {TensorTypes: []string{"attn_v=q8_0"}}} {
		o.Format = "copy"
		if _, err := NewPlan(c, nil, o); err == nil || !strings.Contains(err.Error(), "takes no types") {
			t.Errorf("%+v: %v", o, err)
		}
	}
}
