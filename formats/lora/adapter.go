// Package lora merges LoRA adapters (arXiv 2106.09685), as peft saves them, into the tensors of a checkpoint. A matrix
// W [out][in] with an adapter reads as
//
//	W + scale * B A    A [rank][in], B [out][rank], in float32
//
// Of an embedding the adapter is transposed: A [rank][tokens], B [width][rank]. Tensors that the adapter holds as a
// whole (modules_to_save, trained biases) take the place of the model's.
package lora

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"slices"
	"strings"

	"bitmill/formats"
	"bitmill/formats/safetensors"
	"bitmill/formats/store"
)

const (
	configName  = "adapter_config.json"
	weightsName = "adapter_model.safetensors"
)

// Adapter is an open adapter. Its data lies in a memory map and is valid until Close.
type Adapter struct {
	Path  string   // of the folder
	Base  string   // base_model_name_or_path
	Files []string // that it was read from
	Hash  string   // SHA-256 of the files, in hexadecimal

	Warnings []string // settings that bitmill does not know

	file  *safetensors.File
	pairs map[string]*pair              // by the name of the tensor that they add to
	whole map[string]safetensors.Tensor // by the name of the tensor that they stand for

	copied map[string]bool // of whole: the module has a copy of its own (modules_to_save)
	tied   bool            // ensure_weight_tying
}

// pair is A and B of one matrix.
type pair struct {
	module    string
	a, b      *safetensors.Tensor
	embedding bool
	scale     float32
}

// Open opens the folder of an adapter: adapter_config.json and adapter_model.safetensors. The errors wrap
// formats.ErrUnsupported for adapters of another kind and variants that cannot be merged.
func Open(dir string) (*Adapter, error) {
	c, data, err := readConfig(store.Join(dir, configName))
	if errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("%s is not a LoRA adapter: %s is missing", dir, configName)
	}
	if err != nil {
		return nil, err
	}
	path := store.Join(dir, weightsName)
	weights, err := safetensors.Open(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, absent(dir)
	}
	if err != nil {
		return nil, err
	}
	a := &Adapter{Path: dir, Base: c.Base, Files: []string{path, store.Join(dir, configName)},
		file: weights, pairs: map[string]*pair{}, whole: map[string]safetensors.Tensor{},
		copied: map[string]bool{}, tied: c.Tied}
	for _, t := range weights.Tensors {
		if _, err := store.Hold(t.Data); err != nil { // until it is closed
			a.Close()
			return nil, err
		}
	}
	if len(c.unknown) > 0 {
		a.Warnings = []string{fmt.Sprintf("%s: bitmill does not know %s and merges as without; if it changes the result, %s",
			store.Join(dir, configName), strings.Join(c.unknown, ", "), mergeFirst)}
	}
	if err := a.read(c); err != nil {
		a.Close()
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	if a.Hash, err = hash(path, data); err != nil {
		a.Close()
		return nil, err
	}
	return a, nil
}

// absent explains an adapter without safetensors.
func absent(dir string) error {
	if _, err := store.Stat(store.Join(dir, "adapter_model.bin")); err == nil {
		return fmt.Errorf("%s: %w: the adapter is a PyTorch file (adapter_model.bin), which can run code when it is "+
			"read; save it as safetensors first: model.save_pretrained(dir, safe_serialization=True) in peft",
			dir, formats.ErrUnsupported)
	}
	return fmt.Errorf("%s is not a LoRA adapter: %s is missing", dir, weightsName)
}

// hash is that of the weights and the configuration.
func hash(path string, config []byte) (string, error) {
	w, c := sha256.New(), sha256.Sum256(config)
	if err := store.Copy(w, path); err != nil {
		return "", err
	}
	sum := sha256.Sum256(append(w.Sum(nil), c[:]...))
	return hex.EncodeToString(sum[:]), nil
}

// Close unmaps the file.
func (a *Adapter) Close() error { return a.file.Close() }

// read sorts the tensors into pairs and whole ones.
func (a *Adapter) read(c *config) error {
	for i := range a.file.Tensors {
		t := &a.file.Tensors[i]
		if err := a.add(t); err != nil {
			return fmt.Errorf("tensor %s: %w", t.Name, err)
		}
	}
	for name := range a.whole {
		module, _ := strings.CutSuffix(name, ".weight")
		a.copied[name] = c.saves(module)
	}
	if len(a.file.Tensors) == 0 {
		return fmt.Errorf("%w: the adapter has no tensors", formats.ErrCorrupt)
	}
	for _, p := range a.pairs {
		if p.a == nil || p.b == nil {
			return fmt.Errorf("%w: %s has only one of the two matrices A and B", formats.ErrCorrupt, p.module)
		}
		if len(p.a.Shape) != 2 || len(p.b.Shape) != 2 || p.a.Shape[0] != p.b.Shape[1] {
			return fmt.Errorf("%w: A %v and B %v of %s are of different ranks", formats.ErrCorrupt,
				p.a.Shape, p.b.Shape, p.module)
		}
		var err error
		if p.scale, err = c.scale(p.module, p.a.Shape[0]); err != nil {
			return fmt.Errorf("%s: %w", p.module, err)
		}
	}
	return nil
}

// halves are the names of A and B behind a module's.
var halves = []struct {
	suffix       string
	b, embedding bool
}{
	{".lora_A.weight", false, false}, {".lora_B.weight", true, false},
	{".lora_A.default.weight", false, false}, {".lora_B.default.weight", true, false},
	{".lora_embedding_A", false, true}, {".lora_embedding_B", true, true},
	{".lora_embedding_A.default", false, true}, {".lora_embedding_B.default", true, true},
}

func (a *Adapter) add(t *safetensors.Tensor) error {
	if !slices.Contains([]string{"F32", "F16", "BF16"}, t.DType) {
		return fmt.Errorf("%w: dtype %s; adapters must be BF16, F16 or F32", formats.ErrUnsupported, t.DType)
	}
	name := strings.TrimPrefix(t.Name, "base_model.model.")
	for _, h := range halves {
		module, ok := strings.CutSuffix(name, h.suffix)
		if !ok {
			continue
		}
		p := a.pairs[module+".weight"]
		if p == nil {
			p = &pair{module: module, embedding: h.embedding}
			a.pairs[module+".weight"] = p
		}
		half := &p.a
		if h.b {
			half = &p.b
		}
		if *half != nil || p.embedding != h.embedding {
			return fmt.Errorf("%w: its module has a second one", formats.ErrCorrupt)
		}
		*half = t
		return nil
	}
	if strings.Contains(name, "lora_") {
		return fmt.Errorf("%w: it is not part of a plain LoRA; %s", formats.ErrUnsupported, mergeFirst)
	}
	for _, part := range []string{".modules_to_save.default.", ".modules_to_save.", ".base_layer."} {
		name = strings.Replace(name, part, ".", 1)
	}
	if _, ok := a.whole[name]; ok {
		return fmt.Errorf("%w: two tensors of the adapter replace the same one", formats.ErrCorrupt)
	}
	a.whole[name] = *t
	return nil
}
