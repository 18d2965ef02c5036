package verify

import "bitmill/formats/gguf"

// Shards looks for bytes after the data, which nothing reads: hidden data, or traces of a botched write.
func (r *Result) Shards(f *gguf.File) {
	for _, s := range f.Shards {
		if s.Bytes > s.End {
			r.problem("", "%s has %d bytes after its last tensor", s.Path, s.Bytes-s.End)
		}
	}
}

// Recorded checks that the metadata record this hash of an input (of) from which the file is said to be made.
func (r *Result) Recorded(m *gguf.Metadata, key, hash, of string) {
	v, ok := m.Get(key)
	switch {
	case !ok:
		r.problem("", "metadata key %s is missing: nothing says that the file was made from %s", key, of)
	case v != hash:
		r.problem("", "metadata key %s is %v, the hash of %s is %s", key, v, of, hash)
	}
}
