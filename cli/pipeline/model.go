package pipeline

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"runtime/debug"
	"strings"
	"time"

	"bitmill/eval"
	"bitmill/eval/infer"
	"bitmill/eval/kernel"
	"bitmill/formats"
	"bitmill/formats/bpw"
	"bitmill/formats/checkpoint"
	"bitmill/formats/modelcard"
	"bitmill/formats/store"
	"bitmill/formats/tokenizer"
)

// Session opens models and runs them.
type Session struct {
	Events  Events
	Threads int
	Source  checkpoint.OpenOptions
	Tuner   *Tuner // nil: method tuned is refused
}

// Pool starts as many workers as the session has threads; the caller closes it.
func (s Session) Pool() *infer.Pool { return infer.NewPool(s.Threads) }

// Open opens a model and refuses one without weights.
func (s Session) Open(path string) (*checkpoint.Checkpoint, error) {
	if path == "" {
		return nil, ErrNoModel
	}
	c, err := checkpoint.OpenWith(path, s.Source)
	if err != nil {
		return nil, err
	}
	if c.Planned {
		c.Close()
		return nil, fmt.Errorf("%s is only a model's configuration, enough for bitmill plan: "+
			"name the folder that holds the weights too", path)
	}
	return c, nil
}

// Scan reads the whole model, to hash it and to fail on NaN or infinity before anything is computed from it.
func (s Session) Scan(ctx context.Context, c *checkpoint.Checkpoint) error {
	o := checkpoint.ScanOptions{Hash: true,
		Pass: checkpoint.Pass{Threads: s.Threads, Progress: s.Events.Begin(ScanTitle(c), "bytes").Set}}
	if err := c.Scan(ctx, o); err != nil {
		return err
	}
	return c.CheckFinite(ctx, o)
}

// ScanTitle is the name of the step that reads the whole model.
func ScanTitle(c *checkpoint.Checkpoint) string { return "read " + modelcard.FolderName(c.Path) }

// Model is an open checkpoint that the engine may run.
type Model struct {
	*checkpoint.Checkpoint
	Engine           *infer.Model  // nil: not loaded
	opening, loading time.Duration // what these took
}

// OpenModel opens a model without loading it.
func (s Session) OpenModel(path string) (*Model, error) {
	start := time.Now()
	c, err := s.Open(path)
	if err != nil {
		return nil, err
	}
	return &Model{Checkpoint: c, opening: time.Since(start)}, nil
}

// Load opens a model and loads it into the engine; it fails with formats.ErrUnsupported if the engine cannot run it.
func (s Session) Load(path string) (*Model, error) {
	m, err := s.OpenModel(path)
	if err != nil {
		return nil, err
	}
	if err := m.Load(); err != nil {
		m.Close()
		return nil, err
	}
	return m, nil
}

// Load loads the model into the engine, unless it is loaded.
func (m *Model) Load() (err error) {
	if m.Engine == nil {
		start := time.Now()
		m.Engine, err = infer.Load(m.Checkpoint)
		m.loading = time.Since(start)
	}
	return err
}

// Unload frees the memory that running the model took: quantizing has a memory budget of its own.
func (m *Model) Unload() {
	m.Engine.Close()
	m.Engine = nil
	for i := range m.Tensors {
		t := &m.Tensors[i]
		t.Release(0, t.Rows())
	}
	debug.FreeOSMemory()
}

// Close frees the model and closes its checkpoint.
func (m *Model) Close() error {
	m.Engine.Close()
	return m.Checkpoint.Close()
}

// LoadWeights prepares a loaded model for generating at full speed: it rounds activations as the weights' types ask and
// moves the weights to memory. If memory does not suffice, it warns and leaves them mapped.
func (s Session) LoadWeights(ctx context.Context, m *Model, pool *infer.Pool, set *kernel.Set) error {
	start := time.Now()
	defer func() { m.loading += time.Since(start) }()
	m.Engine.RoundActivations()
	step := s.Events.Begin("load "+modelcard.FolderName(m.Path), "bytes")
	err := m.Engine.LoadToRAM(ctx, pool, set, step.Set)
	if errors.Is(err, infer.ErrMemory) {
		s.Events.Warn(fmt.Sprintf("%s runs from the mapped file, which is slower: %v", m.Path, err))
		return nil
	}
	if err == nil {
		step.Done()
	}
	return err
}

// Windows tokenizes a text and cuts it into windows of context tokens, at most limit of them (0: all). name is the
// text's in errors.
func (m *Model) Windows(name, text string, context, limit int) ([][]int32, error) {
	if m.Tokenizer == nil {
		return nil, fmt.Errorf("%s cannot read text: %w", m.Path, m.TokenizerErr)
	}
	w, err := eval.Windows(m.Tokenizer, text, context, limit)
	if errors.Is(err, eval.ErrShortText) {
		err = fmt.Errorf("%s: %w", name, err)
	}
	return w, err
}

// LongContext returns a warning if windows are longer than the context that the model was made for, else "".
func (m *Model) LongContext(context int) string {
	if most := m.Config.Context; most > 0 && context > most {
		return fmt.Sprintf("windows of %d tokens are longer than the %d that %s was made for: its figures suffer from "+
			"that", context, most, m.Path)
	}
	return ""
}

// Summary returns the exact payload of all tensors.
func (m *Model) Summary() (bpw.Summary, error) {
	var list []formats.Tensor
	for i := range m.Tensors {
		list = append(list, m.Tensors[i].Tensor)
	}
	return bpw.Of(list)
}

// FileBytes returns the total size of the model's files.
func (m *Model) FileBytes() (int64, error) {
	total := int64(0)
	for _, f := range m.Files() {
		st, err := store.Stat(f)
		if err != nil {
			return 0, err
		}
		total += st.Size
	}
	return total, nil
}

// SourceFormat returns the format that keeps the source's matrices as they are: F32, F16 or BF16.
func SourceFormat(c *checkpoint.Checkpoint) (string, error) {
	switch c.DominantType {
	case formats.F32, formats.F16, formats.BF16:
		return c.DominantType.String(), nil
	}
	return "", fmt.Errorf("%s holds %s: convert writes f32, f16 or bf16 only; choose one with --outtype",
		c.Path, c.DominantType)
}

// Format returns SourceFormat, or another name if there is none.
func (m *Model) Format(another string) string {
	if name, err := SourceFormat(m.Checkpoint); err == nil {
		return name
	}
	return another
}

// vocabularyHash returns the SHA-256 of the tokens and their kinds.
func vocabularyHash(t *tokenizer.Tokenizer) string {
	h := sha256.New()
	for id := range int32(t.Vocab()) {
		text, kind, _ := t.Token(id)
		fmt.Fprintf(h, "%d %q %v\n", id, text, kind)
	}
	return hex.EncodeToString(h.Sum(nil))
}

// hashBytes returns the SHA-256 of data in hexadecimal.
func hashBytes(data []byte) string {
	sum := sha256.Sum256(data)
	return hex.EncodeToString(sum[:])
}

// ModelName returns a short name for a model's path: the folder's or file's name without extension and shard number.
func ModelName(path string) string {
	name := modelcard.FolderName(path)
	if strings.HasSuffix(name, ".gguf") {
		name = strings.TrimSuffix(name, ".gguf")
		if i := strings.LastIndex(name, "-00001-of-"); i > 0 {
			name = name[:i]
		}
	}
	return name
}
