package gguf

import (
	"errors"
	"fmt"
	"io/fs"
	"strings"

	"bitmill/formats"
	"bitmill/formats/store"
)

// Open maps a GGUF file. When it is the first shard of a split (NAME-00001-of-0000N.gguf), all shards are opened;
// another shard is refused with the name of the first.
func Open(path string) (*File, error) {
	f, err := openOne(path)
	if err != nil {
		return nil, err
	}
	if err := f.openShards(); err != nil {
		f.Close()
		return nil, err
	}
	return f, nil
}

func openOne(path string) (*File, error) {
	m, err := store.Map(path)
	if err != nil {
		return nil, err
	}
	f, err := parseMapped(m)
	if err != nil {
		m.Close()
		return nil, err
	}
	f.Shards[0].mapped = m
	return f, nil
}

// parseMapped parses a file. The header of an object is brought into memory as far as the parser gets.
func parseMapped(m *store.Mapped) (*File, error) {
	loaded := int64(0)
	var releases []func()
	defer func() {
		for _, release := range releases {
			release()
		}
	}()
	return parse(m.Path, m.Data, func(end int64) error {
		if end <= loaded {
			return nil
		}
		end = min(max(end, 2*loaded, firstRead), int64(len(m.Data)))
		release, err := store.Hold(m.Data[loaded:end])
		if err == nil {
			loaded, releases = end, append(releases, release)
		}
		return err
	})
}

// firstRead is how much of a header is read at first; then as much again as has been read.
const firstRead = 64 << 10

// ShardPath is the name of shard no (from 0) of count: PREFIX-00001-of-00003.gguf.
func ShardPath(prefix string, no, count int) string {
	return fmt.Sprintf("%s-%05d-of-%05d.gguf", prefix, no+1, count)
}

// openShards opens the other shards, if any, and adds their tensors.
func (f *File) openShards() error {
	no, count, total, err := f.splitKeys()
	if err != nil || count <= 1 {
		return err
	}
	prefix, named := strings.CutSuffix(store.Plain(f.Path), ShardPath("", no, count))
	query := store.Query(f.Path)
	if no != 0 {
		if !named {
			return fmt.Errorf("%s is shard %d of %d of a split model; open the first shard instead", f.Path, no+1, count)
		}
		return fmt.Errorf("%s is shard %d of %d of a split model; open %s instead", f.Path, no+1, count,
			ShardPath(prefix, 0, count)+query)
	}
	if !named {
		return fmt.Errorf("%s is the first of %d shards, so its name must end in %s for the others to be found", f.Path,
			count, ShardPath("", 0, count))
	}
	for i := 1; i < count; i++ {
		if err := f.addShard(ShardPath(prefix, i, count)+query, i, count); err != nil {
			return err
		}
	}
	if total >= 0 && total != len(f.Tensors) {
		return formats.Corruptf(f.Path, -1, KeySplitTensors, "%d tensors are claimed, the %d shards hold %d", total, count,
			len(f.Tensors))
	}
	return f.reindex()
}

// addShard opens shard i and takes over its tensors.
func (f *File) addShard(path string, i, count int) error {
	s, err := openOne(path)
	if errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("shard %d of %d of %s is missing: %w", i+1, count, store.Base(f.Path), err)
	}
	if err != nil {
		return err
	}
	f.Shards = append(f.Shards, s.Shards[0]) // so that closing f closes it whatever happens
	no, n, _, err := s.splitKeys()
	if err != nil {
		return err
	}
	if no != i || n != count {
		return formats.Corruptf(path, -1, KeySplitNo, "this is shard %d of %d; shard %d of %d is expected under this name",
			no+1, n, i+1, count)
	}
	for _, t := range s.Tensors {
		t.Shard = i
		f.Tensors = append(f.Tensors, t)
	}
	return nil
}

// splitKeys reads the split.* keys; count is 0 without them and total -1 when it is not recorded.
func (f *File) splitKeys() (no, count, total int, err error) {
	read := func(key string, absent int) int {
		v, ok, e := f.Metadata.Uint(key)
		switch {
		case err != nil:
		case e != nil:
			err = fmt.Errorf("%s: %w", f.Path, e)
		case ok && v > 1<<31-1:
			err = formats.Corruptf(f.Path, -1, key, "%d is out of range", v)
		case ok:
			return int(v)
		}
		return absent
	}
	no, count, total = read(KeySplitNo, 0), read(KeySplitCount, 0), read(KeySplitTensors, -1)
	if err == nil && (count > maxShards || (count > 1 && no >= count)) {
		err = formats.Corruptf(f.Path, -1, KeySplitNo, "shard number %d (from 0) of %d", no, count)
	}
	return no, count, total, err
}
