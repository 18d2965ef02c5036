// Package verify looks for what is wrong with a model file: its structure, values that are not finite, tensors that
// the architecture lacks, provenance that does not hold, and data that differ from a manifest.
package verify

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"runtime"
	"strings"
	"sync"

	"bitmill/formats"
	"bitmill/formats/block"
	"bitmill/formats/checkpoint"
	"bitmill/formats/file"
	"bitmill/formats/gguf"
)

// Options says what to check beyond the file itself.
type Options struct {
	Threads  int                     // 0: one per processor
	Hash     bool                    // hash every tensor, for a manifest
	Progress func(done, total int64) // bytes of data; may be nil; called by one goroutine at a time
}

// Problem is one thing that is wrong.
type Problem struct {
	Tensor string `json:"tensor,omitempty"`
	Text   string `json:"text"` // a sentence without a full stop
}

func (p Problem) String() string {
	if p.Tensor == "" {
		return p.Text
	}
	return "tensor " + p.Tensor + ": " + p.Text
}

// Result is what was found.
type Result struct {
	Problems []Problem
	Notes    []string // what could not be checked
	Hashes   []Hash   // in the order of the file, with Options.Hash
	Bytes    int64    // of tensor data that was read
}

// Hash is the SHA-256 of a tensor's data, in hexadecimal.
type Hash struct{ Name, SHA256 string }

// Model checks an open model: every stored value or scale is finite, the tensors are those of the architecture, the
// metadata agrees with them. It reads all data once, in pieces, with bounded memory.
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

func (r *Result) problem(tensor, format string, args ...any) {
	r.Problems = append(r.Problems, Problem{tensor, fmt.Sprintf(format, args...)})
}

func (r *Result) note(format string, args ...any) {
	r.Notes = append(r.Notes, fmt.Sprintf(format, args...))
}

// architecture compares the tensors with those that the architecture has.
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
	for _, name := range c.Surplus() {
		r.note("architecture %s has no tensor %s", c.Config.Arch, name)
	}
}

// isImatrix tells an importance matrix from a model.
func isImatrix(m *gguf.Metadata) bool {
	kind, _, err := m.String("general.type")
	return err == nil && kind == "imatrix"
}

// vocabulary compares the tokens with the embedding: llama.cpp refuses a file in which they differ in number.
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

// provenance checks the form of what bitmill recorded.
func (r *Result) provenance(m *gguf.Metadata) {
	for _, key := range m.Keys() {
		if !strings.HasPrefix(key, "bitmill.") || !strings.HasSuffix(key, ".sha256") {
			continue
		}
		v, _ := m.Get(key)
		if s, ok := v.(string); !ok || !isHash(s) {
			r.problem("", "metadata key %s is no SHA-256 in hexadecimal: %v", key, v)
		}
	}
}

// data runs over all tensors, each in one goroutine, front to back.
func (r *Result) data(ctx context.Context, c *checkpoint.Checkpoint, o Options) error {
	if o.Threads <= 0 {
		o.Threads = runtime.GOMAXPROCS(0)
	}
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	found := make([]tensorResult, len(c.Tensors))
	p := &pass{hash: o.Hash, progress: o.Progress}
	for i := range c.Tensors {
		size, err := c.Tensors[i].Tensor.Bytes()
		if err != nil {
			return err
		}
		p.total += size
	}
	next := make(chan int)
	var wg sync.WaitGroup
	for range o.Threads {
		wg.Go(func() {
			var buf []byte
			for i := range next {
				res, err := p.tensor(ctx, &c.Tensors[i], &buf)
				if err != nil {
					cancel(err)
				}
				found[i] = res
			}
		})
	}
	for i := range c.Tensors {
		if ctx.Err() != nil {
			break
		}
		next <- i
	}
	close(next)
	wg.Wait()
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	for i, f := range found {
		name := c.Tensors[i].Name
		if f.bad > 0 {
			r.Problems = append(r.Problems, Problem{name, f.text(&c.Tensors[i])})
		}
		if o.Hash {
			r.Hashes = append(r.Hashes, Hash{name, f.sha256})
		}
	}
	r.Bytes = p.done
	return nil
}

// pass is one reading of all data.
type pass struct {
	hash     bool
	progress func(done, total int64)

	mu          sync.Mutex
	done, total int64
}

// tensorResult is what the pass found in one tensor.
type tensorResult struct {
	sha256     string
	first, bad int64 // the first block that is not finite, and their number
}

func (f tensorResult) text(t *checkpoint.Tensor) string {
	length := int64(t.Type.BlockLen())
	at := f.first * length
	row, column := at/max(t.Cols(), 1), at%max(t.Cols(), 1)
	if length == 1 {
		return fmt.Sprintf("the value in row %d, column %d is NaN or infinite; %d of %d values are", row, column, f.bad, t.Elements())
	}
	return fmt.Sprintf("the scale of the %s block in row %d, columns %d to %d is NaN or infinite; %d of %d blocks have such a scale",
		t.Type, row, column, column+length-1, f.bad, t.Elements()/length)
}

func (p *pass) tensor(ctx context.Context, t *checkpoint.Tensor, buf *[]byte) (f tensorResult, err error) {
	sum := sha256.New()
	step, length, size := t.Step(nil), int64(t.Type.BlockLen()), t.Type.BlockBytes()
	for first := int64(0); first < t.Elements(); first += step {
		if err := ctx.Err(); err != nil {
			return f, err
		}
		data, err := t.Piece(buf, first, min(step, t.Elements()-first))
		if err != nil {
			return f, err
		}
		if p.hash {
			sum.Write(data)
		}
		for rest, block0 := data, first/length; len(rest) > 0; {
			i := block.NotFinite(t.Type, rest)
			if i < 0 {
				break
			}
			if f.bad == 0 {
				f.first = block0 + int64(i)
			}
			f.bad++
			rest, block0 = rest[(i+1)*size:], block0+int64(i)+1
		}
		file.Release(data)
		p.add(int64(len(data)))
	}
	t.Release(0, t.Rows())
	if p.hash {
		f.sha256 = hex.EncodeToString(sum.Sum(nil))
	}
	return f, nil
}

func (p *pass) add(n int64) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.done += n
	if p.progress != nil {
		p.progress(p.done, p.total)
	}
}

// Manifest compares the hashes with those of a manifest.
func (r *Result) Manifest(want []Hash) {
	known := map[string]string{}
	for _, h := range want {
		known[h.Name] = h.SHA256
	}
	for _, h := range r.Hashes {
		w, ok := known[h.Name]
		delete(known, h.Name)
		switch {
		case !ok:
			r.problem(h.Name, "the manifest does not list it")
		case w != h.SHA256:
			r.problem(h.Name, "its data hash to %s, the manifest says %s", h.SHA256, w)
		}
	}
	for _, h := range want {
		if _, left := known[h.Name]; left {
			r.problem(h.Name, "the manifest lists it, the file does not have it")
		}
	}
}
