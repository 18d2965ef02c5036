package quantize

import (
	"bufio"
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"hash"

	"bitmill/formats/file"
	"bitmill/formats/gguf"
)

// artifact is a file being written front to back, and hashed on the way.
type artifact struct {
	job     Job
	pending *file.Pending
	out     *bufio.Writer
	hash    hash.Hash
	bytes   int64
}

// newArtifact creates the file and writes its header.
func newArtifact(j Job) (*artifact, error) {
	var header bytes.Buffer
	layout, err := gguf.WriteHeader(&header, j.Plan.Metadata, j.Plan.GGUFTensors())
	if err != nil {
		return nil, err
	}
	if layout.FileBytes != j.Plan.FileBytes || layout.HeaderBytes != int64(header.Len()) {
		return nil, fmt.Errorf("%s: the plan was changed after it was made", j.Path)
	}
	pending, err := file.Create(j.Path, j.Plan.FileBytes)
	if err != nil {
		return nil, err
	}
	a := &artifact{job: j, pending: pending, out: bufio.NewWriterSize(pending, 1<<20), hash: sha256.New()}
	if err := a.write(header.Bytes()); err != nil {
		pending.Abort()
		return nil, err
	}
	return a, nil
}

// append adds data of tensor i, after padding when it is the tensor's first.
func (a *artifact) append(i int, begins bool, data []byte) error {
	if begins {
		if err := a.pad(a.job.Plan.Layout.Offsets[i]); err != nil {
			return err
		}
	}
	return a.write(data)
}

// pad writes zeros up to an offset.
func (a *artifact) pad(offset int64) error {
	if offset < a.bytes {
		return fmt.Errorf("%s: data goes up to byte %d, past %d where the next tensor starts", a.job.Path, a.bytes, offset)
	}
	var zeros [4096]byte
	for a.bytes < offset {
		if err := a.write(zeros[:min(int64(len(zeros)), offset-a.bytes)]); err != nil {
			return err
		}
	}
	return nil
}

func (a *artifact) write(b []byte) error {
	a.hash.Write(b)
	a.bytes += int64(len(b))
	if _, err := a.out.Write(b); err != nil {
		return fmt.Errorf("%s cannot be written: %w", a.job.Path, err)
	}
	return nil
}

// finish gives the file its name.
func (a *artifact) finish() (Written, error) {
	if err := a.pad(a.job.Plan.FileBytes); err != nil {
		return Written{}, err
	}
	if err := a.out.Flush(); err != nil {
		return Written{}, fmt.Errorf("%s: %w", a.job.Path, err)
	}
	if err := a.pending.Commit(); err != nil {
		return Written{}, err
	}
	return Written{Path: a.job.Path, SHA256: hex.EncodeToString(a.hash.Sum(nil)), Bytes: a.bytes}, nil
}
