package checkpoint

import (
	"errors"
	"fmt"
	"slices"

	"bitmill/formats"
	"bitmill/formats/checkpoint/arch"
	"bitmill/formats/gguf"
	"bitmill/formats/tokenizer"
)

// openGGUF opens a GGUF file: tensors and metadata as they are. The reason why it cannot be evaluated, such as an
// unknown architecture or a missing tensor, goes to ConfigErr.
func openGGUF(path string) (*Checkpoint, error) {
	file, err := gguf.Open(path)
	if err != nil {
		return nil, err
	}
	c := &Checkpoint{Path: path, Metadata: file.Metadata, close: file.Close}
	for _, s := range file.Shards {
		c.files = append(c.files, s.Path)
	}
	for _, t := range file.Tensors {
		c.Tensors = append(c.Tensors,
			Tensor{Tensor: t.Tensor, Source: t.Name, Shard: t.Shard, parts: [][]byte{t.Data}, stored: t.Type})
	}
	if i := slices.IndexFunc(c.Tensors, func(t Tensor) bool { return len(t.Shape) > 1 }); i >= 0 {
		c.DominantType = c.Tensors[i].Type
	}
	c.reindex()
	if c.ConfigErr = c.readArchitecture(); errors.Is(c.ConfigErr, formats.ErrUnsupported) {
		c.Warnings = append(c.Warnings,
			fmt.Sprintf("the model can be quantized, each tensor by its name and shape, but not evaluated: %v", c.ConfigErr))
	}
	c.Tokenizer, c.TokenizerErr = tokenizer.FromMetadata(file.Metadata)
	if c.TokenizerErr != nil {
		c.Tokenizer = nil
		return c, nil
	}
	c.Warnings = append(c.Warnings, c.Tokenizer.Warnings...)
	return c, nil
}

// readArchitecture fills Config from the metadata. The error says why the model cannot be evaluated.
func (c *Checkpoint) readArchitecture() (err error) {
	c.read = map[string]bool{}
	c.Config, c.unreadKeys, err = arch.Read(c.Metadata, func(name string) (arch.Values, bool) {
		c.read[name] = true
		return c.Tensor(name)
	})
	if err != nil {
		return err
	}
	return c.checkTensors()
}
