// Package verify checks a model file: its structure, that all values are finite, that its tensors are those of the
// architecture, its provenance, and its data against a manifest.
package verify

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"bitmill/formats"
	"bitmill/formats/checkpoint"
	"bitmill/formats/gguf"
)

// Options says what to check beyond the file itself.
type Options struct {
	checkpoint.Pass      // Progress counts bytes of data
	Hash            bool // hash every tensor, for a manifest
}

// Problem is one thing that is wrong with the file.
type Problem struct {
	Tensor string `json:"tensor,omitempty"`
	Text   string `json:"text"` // a sentence without a full stop
}

func (p Problem) String() string {
	if p.Tensor == "" {
		return p.Text
	}
	return "tensor " + formats.OneLine(p.Tensor) + ": " + p.Text
}

// Result lists the findings.
type Result struct {
	Problems []Problem
	Notes    []string // what could not be checked
	Hashes   []Hash   // in the order of the file, with Options.Hash
	Bytes    int64    // of tensor data that was read
}

// Hash is the SHA-256 of a tensor's data, in hexadecimal.
type Hash struct{ Name, SHA256 string }

// Model checks an open model: every stored value or scale is finite, the tensors are those of the architecture, the
// metadata agrees with them. It reads all data once, in chunks, with bounded memory.
func Model(ctx context.Context, c *checkpoint.Checkpoint, o Options) (*Result, error) {
	r := &Result{}
	r.architecture(c)
	r.vocabulary(c)
	r.provenance(c.Metadata)
	if err := r.data(ctx, c, o); err != nil {
		return nil, err
	}
	return r, nil
}

// Hashes hashes the data of every tensor, as an artifact of the same type holds them, in order.
func Hashes(ctx context.Context, c *checkpoint.Checkpoint, o checkpoint.Pass) ([]Hash, error) {
	r := &Result{}
	err := r.data(ctx, c, Options{Pass: o, Hash: true})
	return r.Hashes, err
}

func (r *Result) problem(tensor, format string, args ...any) {
	r.Problems = append(r.Problems, Problem{tensor, fmt.Sprintf(format, args...)})
}

func (r *Result) note(format string, args ...any) {
	r.Notes = append(r.Notes, fmt.Sprintf(format, args...))
}

// architecture compares the tensors with those of the architecture.
func (r *Result) architecture(c *checkpoint.Checkpoint) {
	var tensors *checkpoint.TensorsError
	switch err := c.ConfigErr; {
	case isImatrix(c.Metadata):
		r.note("an importance matrix has no architecture to be compared with")
		return
	case errors.As(err, &tensors):
		for _, s := range tensors.Shapes {
			r.problem(s.Tensor, "%s", s.Text)
		}
		for _, name := range tensors.Missing {
			r.problem(name, "it is missing: the architecture needs it")
		}
	case errors.Is(err, formats.ErrUnsupported):
		r.note("the tensors were not compared with an architecture: %v", err)
	case err != nil:
		r.problem("", "%v", err)
	}
	for _, name := range c.UnexpectedTensors() {
		r.note("architecture %s has no tensor %s", c.Config.Arch, name)
	}
}

// isImatrix tells an importance matrix from a model.
func isImatrix(m *gguf.Metadata) bool {
	kind, _, err := m.String("general.type")
	return err == nil && kind == "imatrix"
}

// vocabulary compares the tokens with the embedding: llama.cpp refuses a file where their numbers differ.
func (r *Result) vocabulary(c *checkpoint.Checkpoint) {
	if isImatrix(c.Metadata) {
		return
	}
	if c.TokenizerErr != nil {
		if errors.Is(c.TokenizerErr, formats.ErrCorrupt) {
			r.problem("", "the vocabulary: %v", c.TokenizerErr)
		} else {
			r.note("the vocabulary was not checked: %v", c.TokenizerErr)
		}
	}
	tokens, ok, err := c.Metadata.Strings("tokenizer.ggml.tokens")
	t, has := c.Tensor("token_embd.weight")
	if err == nil && ok && has && int64(len(tokens)) != t.Rows() {
		r.problem(t.Name, "it has %d rows for %d tokens of the vocabulary", t.Rows(), len(tokens))
	}
}

// provenance checks the form of the hashes that bitmill recorded.
func (r *Result) provenance(m *gguf.Metadata) {
	for _, key := range m.Keys() {
		if !strings.HasPrefix(key, "bitmill.") || !strings.HasSuffix(key, ".sha256") && !strings.HasSuffix(key, ".blake3") {
			continue
		}
		v, _ := m.Get(key)
		if s, ok := v.(string); !ok || !isHash(s) {
			r.problem("", "metadata key %s is not a hash of 256 bits in hexadecimal: %v", key, v)
		}
	}
}

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
