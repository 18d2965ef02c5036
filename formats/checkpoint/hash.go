package checkpoint

import (
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"fmt"
	"hash"
	"io"
	"strings"

	"bitmill/formats"
	"bitmill/formats/file"
	"bitmill/formats/gguf"
)

// Hash is the SHA-256, in hexadecimal, of what the model is: its metadata but for names, authors and licences
// (general.*, general.architecture excepted), and every tensor's name, type, shape, row permutation and stored bytes,
// in order. Another path or folder name gives the same hash; another vocabulary or a single changed weight does not.
// It reads all data, once; later calls return the same.
func (c *Checkpoint) Hash() (string, error) {
	c.hashOnce.Do(func() { c.hash, c.hashErr = c.computeHash() })
	return c.hash, c.hashErr
}

// hashPiece is how much is hashed before its pages are let go, so that a model larger than memory stays small.
const hashPiece = 4 << 20

func (c *Checkpoint) computeHash() (string, error) {
	if c.Planned {
		return "", errors.New("a plan has no data to hash")
	}
	sum := sha256.New()
	if err := hashHeader(sum, c); err != nil {
		return "", fmt.Errorf("hash %s: %w", c.Path, err)
	}
	for i := range c.Tensors {
		t := &c.Tensors[i]
		var head [16]byte
		binary.LittleEndian.PutUint64(head[:], uint64(t.heads))
		binary.LittleEndian.PutUint64(head[8:], uint64(len(t.raw)))
		sum.Write(head[:])
		for b := t.raw; len(b) > 0; {
			n := min(len(b), hashPiece)
			sum.Write(b[:n])
			file.Release(b[:n])
			b = b[n:]
		}
	}
	return hex.EncodeToString(sum.Sum(nil)), nil
}

// hashHeader hashes the GGUF header of the tensors as stored and the metadata that matters.
func hashHeader(sum hash.Hash, c *Checkpoint) error {
	m := new(gguf.Metadata)
	for _, key := range c.Metadata.Keys() {
		if !strings.HasPrefix(key, "general.") || key == "general.architecture" {
			v, _ := c.Metadata.Get(key)
			m.Set(key, v)
		}
	}
	ExtraMetadata(m, c.Config)
	list := make([]formats.Tensor, len(c.Tensors))
	for i := range c.Tensors {
		list[i] = c.Tensors[i].Tensor
		list[i].Type = c.Tensors[i].stored
	}
	_, err := gguf.WriteHeader(io.Writer(sum), m, list)
	return err
}
