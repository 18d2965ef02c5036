package checkpoint

import (
	"context"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"hash"
	"io"
	"strings"

	"github.com/zeebo/blake3"

	"bitmill/formats"
	"bitmill/formats/gguf"
)

// Hash is the BLAKE3, in hexadecimal, of the model itself: its metadata without names, authors and licences (general.*
// except general.architecture), and every tensor's name, type, shape, row permutation and stored bytes, in order.
// Another path or folder name gives the same hash; another vocabulary or a single changed weight does not. Hash reads
// all data unless a Scan did; later calls return the same.
//
// The hash covers the header, then per tensor the number of permuted heads and of bytes (both 64 bits, little endian)
// and the BLAKE3 of each of its chunks of 4 MiB (scanChunk), which are hashed in parallel. BLAKE3 takes less than half
// the time of SHA-256, also of the processor's own instructions for that.
func (c *Checkpoint) Hash() (string, error) { return c.hash(&blake3Hash) }

// HashSHA256 is the hash of the same bytes, chunks and all, that artifacts up to format version 0.2.0 record.
func (c *Checkpoint) HashSHA256() (string, error) { return c.hash(&sha256Hash) }

func (c *Checkpoint) hash(by *hashing) (string, error) {
	if err := c.Scan(context.Background(), ScanOptions{Hash: true, by: by}); err != nil {
		return "", err
	}
	return c.scan.hash[by], nil
}

// hashing is a hash function.
type hashing struct {
	sum func(chunk []byte) digest
	new func() hash.Hash
}

var (
	blake3Hash = hashing{blake3.Sum256, func() hash.Hash { return blake3.New() }}
	sha256Hash = hashing{sha256.Sum256, sha256.New}
)

// digest is the hash of a chunk.
type digest = [32]byte

// combine hashes the digests of all chunks into one.
func (c *Checkpoint) combine(by *hashing, digests [][]digest) (string, error) {
	sum := by.new()
	if err := hashHeader(sum, c); err != nil {
		return "", err
	}
	for i := range c.Tensors {
		t := &c.Tensors[i]
		var head [16]byte
		binary.LittleEndian.PutUint64(head[:], uint64(t.layout.Heads))
		binary.LittleEndian.PutUint64(head[8:], uint64(t.storedBytes()))
		sum.Write(head[:])
		if t.layout.Factors != nil {
			fmt.Fprint(sum, *t.layout.Factors)
		}
		for _, d := range digests[i] {
			sum.Write(d[:])
		}
	}
	return hex.EncodeToString(sum.Sum(nil)), nil
}

// ExtraMetadata makes the keys that an artifact needs beyond the checkpoint's Metadata for Open to find the same Config
// in it.
func (c *Checkpoint) ExtraMetadata() *gguf.Metadata { return c.Config.ExtraMetadata(c.Metadata) }

// hashHeader hashes the GGUF header: the tensors as stored, and the metadata that belongs to the model itself.
func hashHeader(sum hash.Hash, c *Checkpoint) error {
	m := new(gguf.Metadata)
	for _, key := range c.Metadata.Keys() {
		if !strings.HasPrefix(key, "general.") || key == "general.architecture" {
			v, _ := c.Metadata.Get(key)
			m.Set(key, v)
		}
	}
	addTo(m, c.ExtraMetadata())
	list := make([]formats.Tensor, len(c.Tensors))
	for i := range c.Tensors {
		list[i] = c.Tensors[i].Tensor
		list[i].Type = c.Tensors[i].stored
	}
	_, err := gguf.WriteHeader(io.Writer(sum), m, list)
	return err
}

// addTo copies the keys of m to another list.
func addTo(to, m *gguf.Metadata) {
	for _, key := range m.Keys() {
		v, _ := m.Get(key)
		to.Set(key, v)
	}
}
