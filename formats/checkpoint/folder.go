package checkpoint

import (
	"cmp"
	"errors"
	"fmt"
	"io/fs"
	"strings"

	"bitmill/formats"
	"bitmill/formats/checkpoint/arch"
	"bitmill/formats/modelcard"
	"bitmill/formats/safetensors"
	"bitmill/formats/store"
	"bitmill/formats/tokenizer"
)

// openSnapshot opens a Hugging Face folder, which may be one of Hugging Face's cache. So may the adapter's.
func openSnapshot(path string, o OpenOptions) (*Checkpoint, error) {
	dir, err := modelcard.Snapshot(path)
	if err == nil && o.Adapter != "" {
		o.Adapter, err = modelcard.Snapshot(o.Adapter)
	}
	if err != nil {
		return nil, err
	}
	return openFolder(dir, o)
}

// openFolder opens a Hugging Face folder.
func openFolder(dir string, o OpenOptions) (*Checkpoint, error) {
	h, err := readConfig(dir, store.Join(dir, "config.json"), o)
	if err != nil {
		return nil, err
	}
	if o.VocabularyOnly {
		return openVocabulary(dir, h)
	}
	if err := weightsPresent(dir); err != nil {
		return nil, err
	}
	folder, err := safetensors.OpenFolder(dir, extrasOf(h))
	if err != nil {
		return nil, err
	}
	c := &Checkpoint{Path: dir, close: folder.Close, Warnings: folder.Warnings}
	for _, file := range folder.Files {
		c.files = append(c.files, file.Path)
	}
	if err := c.fill(h, folder, o); err != nil {
		c.Close()
		return nil, fmt.Errorf("%s: %w", dir, err)
	}
	return c, nil
}

// openVocabulary opens a folder without its weights.
func openVocabulary(dir string, h *arch.HFConfig) (c *Checkpoint, err error) {
	c = &Checkpoint{Path: dir, Planned: true}
	if c.Config, c.ConfigErr, err = h.Config(); err != nil {
		return nil, fmt.Errorf("%s: config.json: %w", dir, err)
	}
	typ, err := h.WeightType()
	if err == nil {
		err = c.describeFolder(h, typ)
	}
	if err == nil {
		err = c.TokenizerErr
	}
	if err != nil {
		return nil, fmt.Errorf("%s: %w", dir, err)
	}
	return c, nil
}

// fill fills in everything except the files.
func (c *Checkpoint) fill(h *arch.HFConfig, folder *safetensors.Folder, o OpenOptions) (err error) {
	if c.Config, c.ConfigErr, err = h.Config(); err != nil {
		return fmt.Errorf("config.json: %w", err)
	}
	tensors, err := c.gather(folder, h)
	if err != nil {
		return err
	}
	if err := cmp.Or(h.CheckMTP(&c.Config), c.guard(o)); err != nil {
		return err
	}
	if tensors, err = c.merge(h, tensors, o.Adapter); err != nil {
		return err
	}
	list, err := sources(tensors)
	if err != nil {
		return err
	}
	if list, err = c.takeScalars(h, list); err != nil {
		return err
	}
	if err := c.bind(h, list); err != nil {
		return err
	}
	if err := c.describeFolder(h, dominantType(list)); err != nil {
		return err
	}
	c.recordAdapter()
	return nil
}

// describeFolder makes the metadata, with model card and vocabulary.
func (c *Checkpoint) describeFolder(h *arch.HFConfig, typ formats.Type) error {
	info, err := modelcard.Read(c.Path, h.NameOrPath, c.size())
	if err != nil {
		return err
	}
	c.describe(h, info, typ)
	c.Warnings = append(c.Warnings, info.Warnings...)
	c.tellReranker(h)
	c.tellLinks()
	c.addVocabulary(h)
	return nil
}

// describe makes the metadata without the vocabulary.
func (c *Checkpoint) describe(h *arch.HFConfig, info *modelcard.Info, typ formats.Type) {
	if h.MXFP4() {
		typ = formats.MXFP4
	}
	c.DominantType, c.Config.Name = typ, info.Name
	c.Warnings = append(c.Warnings, h.Warnings...)
	c.Metadata = h.Metadata(&c.Config, info, typ)
	if c.ConfigErr != nil { // GGUF may have no key for the reason
		c.Warnings = append(c.Warnings,
			fmt.Sprintf("the model can be quantized but not evaluated: %v; its GGUF file may not show that", c.ConfigErr))
	} else if unsaid := c.Config.Unsaid(c.Metadata); unsaid != "" {
		c.Warnings = append(c.Warnings, unsaid)
	}
}

// addVocabulary reads the tokenizer and writes its metadata. Without a usable tokenizer it warns: the model can still
// be planned, quantized and run on token ids.
func (c *Checkpoint) addVocabulary(h *arch.HFConfig) {
	t, err := tokenizer.FromFolderWith(c.Path, h.TokenizerOptions(&c.Config))
	if err != nil {
		c.TokenizerErr, c.VocabularyErr = err, err
		c.Warnings = append(c.Warnings, fmt.Sprintf("no vocabulary is written: %v", err))
		return
	}
	c.Tokenizer = t
	c.Warnings = append(c.Warnings, t.Warnings...)
	t.AddMetadata(c.Metadata, c.Config.Vocab)
	h.AddVocabulary(&c.Config, c.Metadata, t, modelcard.EndTokens(c.Path))
}

// dominantType finds the DominantType of a folder.
func dominantType(list []source) formats.Type {
	typ := formats.F32
	for _, s := range list {
		switch {
		case len(s.shape) > 1 && !s.quantized:
			return s.typ
		case s.quantized:
			typ = formats.F16
		}
	}
	return typ
}

// readConfig reads a config.json; errors name dir.
func readConfig(dir, path string, o OpenOptions) (*arch.HFConfig, error) {
	data, err := store.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, noConfig(dir)
	}
	if err != nil {
		return nil, err
	}
	h, err := arch.ParseHF(data)
	if err == nil {
		err = h.SetMTP(o.MTP)
	}
	if err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	return h, nil
}

// noConfig explains why a folder is not a checkpoint.
func noConfig(dir string) error {
	entries, _ := store.ReadDir(dir)
	for _, e := range entries {
		if store.Ext(e.Name) == ".gguf" {
			return fmt.Errorf("%s is not a Hugging Face folder: config.json is missing; to open its GGUF file, name it: %s", dir,
				store.Join(dir, e.Name))
		}
	}
	return fmt.Errorf("%s is not a Hugging Face folder: config.json is missing", dir)
}

// weightsPresent fails, with advice, when a folder has no safetensors.
func weightsPresent(dir string) error {
	entries, err := store.ReadDir(dir)
	if err != nil {
		return err
	}
	torch := ""
	for _, e := range entries {
		switch ext := store.Ext(e.Name); {
		case ext == ".safetensors" || strings.HasSuffix(e.Name, ".safetensors.index.json"):
			return nil
		case isTorch(e.Name):
			torch = e.Name
		}
	}
	if torch != "" {
		return torchError(dir, torch)
	}
	return fmt.Errorf("%s holds no weights: there is no *.safetensors beside config.json; to plan without weights, name %s",
		dir, store.Join(dir, "config.json"))
}

// isTorch reports whether a name has the extension of a PyTorch file.
func isTorch(name string) bool {
	ext := store.Ext(name)
	return ext == ".bin" || ext == ".pt" || ext == ".pth"
}

// torchError refuses PyTorch files and says how to save their weights as safetensors.
func torchError(dir, name string) error {
	script := fmt.Sprintf("from transformers import AutoModelForCausalLM as M; M.from_pretrained(%q, "+
		"torch_dtype=\"auto\").save_pretrained(\"OUT\", safe_serialization=True)", dir)
	return fmt.Errorf("%s: %w: the weights are PyTorch files (%s), which can run code when read; "+
		"save them as safetensors first:\n  %s",
		dir, formats.ErrUnsupported, name, formats.ShellWords("python", "-c", script))
}
