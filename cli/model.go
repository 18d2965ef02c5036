package cli

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"unicode/utf8"

	"bitmill/eval"
	"bitmill/eval/infer"
	"bitmill/eval/kernel"
	"bitmill/formats"
	"bitmill/formats/bpw"
	"bitmill/formats/checkpoint"
	"bitmill/formats/tokenizer"
)

// subject is a model opened for running: its checkpoint, its weights bound, its tokenizer known.
type subject struct {
	*checkpoint.Checkpoint
	model *infer.Model
}

var errNoModel = usagef("the model has no name: give a folder or a GGUF file")

// readable are the options of commands that only look at a model.
var readable = checkpoint.OpenOptions{AllowRequantize: true}

// openModel opens a model with its weights to look at it, or one that bitmill wrote.
func openModel(path string) (*checkpoint.Checkpoint, error) {
	return env{source: readable}.openModel(path)
}

// openModel opens a model with its weights as the flags say.
func (e env) openModel(path string) (*checkpoint.Checkpoint, error) {
	if path == "" {
		return nil, errNoModel
	}
	c, err := checkpoint.OpenWith(path, e.source)
	if err != nil {
		return nil, err
	}
	if c.Planned {
		c.Close()
		return nil, fmt.Errorf("%s is only a model's configuration, enough for bitmill plan: name the folder that holds the weights too", path)
	}
	return c, nil
}

// scan reads a model through, to hash it and to find NaN before anything is computed from it.
func (e env) scan(ctx context.Context, c *checkpoint.Checkpoint) error {
	o := checkpoint.ScanOptions{Pass: checkpoint.Pass{Threads: e.threads, Progress: e.progress(scanTitle(c), "bytes").Set}, Hash: true}
	if err := c.Scan(ctx, o); err != nil {
		return err
	}
	return c.CheckFinite(ctx, o)
}

func scanTitle(c *checkpoint.Checkpoint) string { return "read " + filepath.Base(c.Path) }

// openSubject opens a model that bitmill wrote and that will be run.
func openSubject(path string) (*subject, error) { return env{}.openSubject(path) }

// openSubject opens a model that will be run, and fails with one sentence when it cannot be.
func (e env) openSubject(path string) (*subject, error) {
	c, err := e.openModel(path)
	if err != nil {
		return nil, err
	}
	m, err := infer.Load(c)
	if err != nil {
		c.Close()
		return nil, err
	}
	return &subject{c, m}, nil
}

// Close frees the model and closes its checkpoint.
func (s *subject) Close() error {
	s.model.Close()
	return s.Checkpoint.Close()
}

// settle makes the model ready to generate at full speed: activations are rounded as its weights are, and these are moved
// to memory, if there is enough.
func (s *subject) settle(ctx context.Context, e env, pool *infer.Pool, set *kernel.Set) error {
	s.model.RoundActivations()
	p := e.progress("load "+filepath.Base(s.Path), "bytes")
	err := s.model.LoadToRAM(ctx, pool, set, p.Set)
	if errors.Is(err, infer.ErrMemory) {
		e.warn(fmt.Sprintf("%s is run from its file's mapping, which is slower: %v", s.Path, err))
		return nil
	}
	if err == nil {
		p.Done()
	}
	return err
}

// windows tokenizes the text of a file for the model.
func (s *subject) windows(name, text string, context, limit int) ([][]int32, error) {
	if s.Tokenizer == nil {
		return nil, fmt.Errorf("%s cannot read text: %w", s.Path, s.TokenizerErr)
	}
	w, err := eval.Windows(s.Tokenizer, text, context, limit)
	if errors.Is(err, eval.ErrShortText) {
		err = fmt.Errorf("%s: %w", name, err)
	}
	return w, err
}

// longContext warns of windows that are longer than what the model was made for; "" when they are not.
func (s *subject) longContext(context int) string {
	if most := s.Config.Context; most > 0 && context > most {
		return fmt.Sprintf("windows of %d tokens are longer than the %d that %s was made for: its figures suffer from that", context, most, s.Path)
	}
	return ""
}

// summary counts the payload of all tensors exactly.
func (s *subject) summary() (bpw.Summary, error) {
	var list []formats.Tensor
	for i := range s.Tensors {
		list = append(list, s.Tensors[i].Tensor)
	}
	return bpw.Of(list)
}

// fileBytes is the size of the files the weights lie in.
func (s *subject) fileBytes() (int64, error) {
	total := int64(0)
	for _, f := range s.Files() {
		st, err := os.Stat(f)
		if err != nil {
			return 0, err
		}
		total += st.Size()
	}
	return total, nil
}

// tokenPrint identifies how a model splits a text: a hash of the token ids of its windows.
func tokenPrint(windows [][]int32) string {
	h := sha256.New()
	for _, w := range windows {
		for _, id := range w {
			h.Write([]byte{byte(id), byte(id >> 8), byte(id >> 16), byte(id >> 24)})
		}
		h.Write([]byte("|"))
	}
	return hex.EncodeToString(h.Sum(nil))
}

// vocabularyHash identifies a vocabulary by its tokens and their kinds.
func vocabularyHash(t *tokenizer.Tokenizer) string {
	h := sha256.New()
	for id := range int32(t.Vocab()) {
		text, kind, _ := t.Token(id)
		fmt.Fprintf(h, "%d %q %v\n", id, text, kind)
	}
	return hex.EncodeToString(h.Sum(nil))
}

// hashBytes is the SHA-256 of data in hexadecimal.
func hashBytes(data []byte) string {
	sum := sha256.Sum256(data)
	return hex.EncodeToString(sum[:])
}

// readText reads a text file.
func readText(path string) (string, error) {
	if st, err := os.Stat(path); err == nil && st.IsDir() {
		return "", fmt.Errorf("%s is a folder, not a text file", path)
	}
	b, err := os.ReadFile(path)
	return string(b), err
}

// notText warns of a file that does not look like text; "" when it does.
func notText(name, text string) string {
	if utf8.ValidString(text) && !strings.Contains(text, "\x00") {
		return ""
	}
	return name + " is not plain text in UTF-8: what is measured on it says little"
}

// modelName is a short name for a model's path: the folder's or file's name without extension and shard number.
func modelName(path string) string {
	abs, err := filepath.Abs(path)
	if err != nil {
		abs = path
	}
	name := filepath.Base(abs)
	if strings.HasSuffix(name, ".gguf") {
		name = strings.TrimSuffix(name, ".gguf")
		if i := strings.LastIndex(name, "-00001-of-"); i > 0 {
			name = name[:i]
		}
	}
	return name
}
