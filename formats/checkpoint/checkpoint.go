// Package checkpoint opens a model from a Hugging Face folder (config.json, *.safetensors) or a GGUF file. Both become
// one typed Config, the metadata of a GGUF file, and tensors under their GGUF names.
//
// A Hugging Face folder is presented as llama.cpp's converter would write it: the same metadata keys in the same
// order, the same tensor names, order and shapes, and, for architectures that rotate neighbouring pairs, the same
// permuted rows of Q and K. Nothing is copied to do so: tensors read through the memory map. Facts about architectures
// come from package arch.
package checkpoint

import (
	"errors"
	"fmt"
	"io/fs"
	"strings"

	"bitmill/formats"
	"bitmill/formats/checkpoint/arch"
	"bitmill/formats/gguf"
	"bitmill/formats/lora"
	"bitmill/formats/modelcard"
	"bitmill/formats/store"
	"bitmill/formats/tokenizer"
)

// Checkpoint is an open model. Tensor data lies in memory maps and is valid until Close.
type Checkpoint struct {
	Path     string
	Config   arch.Config
	Metadata *gguf.Metadata // as a GGUF file of this model holds it, vocabulary included
	Tensors  []Tensor       // in the order of the source

	// DominantType is the type of the whole as llama.cpp's converter sees it: that of the first matrix that a Hugging Face
	// checkpoint does not store quantized, F16 when all are. Without matrices it is F32.
	DominantType formats.Type

	Quantized string // the method by which a Hugging Face checkpoint is quantized already; empty: none

	Planned   bool  // made from a bare config.json: tensors have no data, metadata no vocabulary
	ConfigErr error // why the model cannot be evaluated, nil when it can; it can be quantized all the same

	Tokenizer    *tokenizer.Tokenizer // nil when there is none or it is unknown
	TokenizerErr error                // why Tokenizer is nil

	// VocabularyErr is why Metadata of a Hugging Face folder has no vocabulary: llama.cpp loads no such file. nil: it has.
	VocabularyErr error

	Warnings []string // what was left out or looks wrong; sentences without a full stop

	index map[string]int // GGUF name -> position in Tensors

	read       map[string]bool // tensors of a GGUF file that went into Config
	unreadKeys []string        // metadata keys of its architecture that did not and may matter
	files      []string
	close      func() error

	adapter *lora.Adapter // merged; nil: none

	names    *arch.Names         // of a Hugging Face folder's tensors
	leftOut  map[string][]string // kind of extras -> names of tensors in the source
	backbone bool                // saved without the model around it, which has the output matrix

	scan scanned
}

// OpenOptions says how a model is opened.
type OpenOptions struct {
	AllowRequantize bool   // accept a quantized Hugging Face checkpoint, whose matrices then read as F32
	Adapter         string // folder of a LoRA adapter to merge into a Hugging Face folder; empty: none
	VocabularyOnly  bool   // open a Hugging Face folder without its weights
	NoVocabulary    bool   // let CheckVocabulary pass

	MTP arch.MTP // what becomes of a Hugging Face folder's blocks that predict further tokens
}

// Open is OpenWith without options.
func Open(path string) (*Checkpoint, error) { return OpenWith(path, OpenOptions{}) }

// OpenWith opens a Hugging Face folder, a GGUF file (of a split, its first shard) or a bare config.json, which gives a
// plan without data. The errors wrap formats.ErrUnsupported for a model that bitmill does not know and
// formats.ErrCorrupt for damaged files.
func OpenWith(path string, o OpenOptions) (*Checkpoint, error) {
	st, err := store.Stat(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("open %s: there is no such file or folder", path)
	}
	if err != nil {
		return nil, err
	}
	switch {
	case st.Folder:
		return openSnapshot(path, o)
	case isTorch(path):
		return nil, torchError(store.Dir(path), store.Base(path))
	case o.Adapter != "":
		return nil, fmt.Errorf("open %s: %w: an adapter is merged into a Hugging Face folder only; "+
			"name the folder that the model was made from", path, formats.ErrUnsupported)
	case strings.EqualFold(store.Ext(path), ".json"):
		return openConfig(path, o)
	case strings.EqualFold(store.Ext(path), ".safetensors"):
		return nil, fmt.Errorf("open %s: a safetensors file does not say what model it is; "+
			"name its folder, %s, with config.json in it", path, store.Dir(path))
	case o.MTP != arch.DefaultMTP:
		return nil, fmt.Errorf("open %s: %w: --mtp and --no-mtp are about Hugging Face folders; a GGUF file keeps its "+
			"blocks", path, formats.ErrUnsupported)
	}
	return openGGUF(path)
}

// Tensor finds a tensor by its GGUF name.
func (c *Checkpoint) Tensor(name string) (*Tensor, bool) {
	i, ok := c.index[name]
	if !ok {
		return nil, false
	}
	return &c.Tensors[i], true
}

// CheckVocabulary fails for a model whose files would have no vocabulary, unless the options accept that.
func (c *Checkpoint) CheckVocabulary(o OpenOptions) error {
	if c.VocabularyErr == nil || o.NoVocabulary {
		return nil
	}
	return fmt.Errorf("%w; llama.cpp cannot load a model without a vocabulary: complete the folder, or make files "+
		"without one with --no-vocab", c.VocabularyErr)
}

// Files lists the files that hold the tensor data.
func (c *Checkpoint) Files() []string { return c.files }

// Close unmaps the files; tensor data must not be used afterwards.
func (c *Checkpoint) Close() error {
	if c.close == nil {
		return nil
	}
	err := c.close()
	c.close = nil
	return err
}

// reindex fills the name index.
func (c *Checkpoint) reindex() {
	c.index = make(map[string]int, len(c.Tensors))
	for i := range c.Tensors {
		c.index[c.Tensors[i].Name] = i
	}
}

// size counts parameters for the size label.
func (c *Checkpoint) size() (s modelcard.Size) {
	for i := range c.Tensors {
		t := &c.Tensors[i]
		n := t.Elements()
		s.Total += n
		if m := t.Matrices(); m > 1 && strings.Contains(t.Name, "_exps.") {
			s.Experts, n = int(m), n/m
		}
		s.Active += n
	}
	return s
}
