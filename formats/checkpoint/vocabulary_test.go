package checkpoint

import (
	"encoding/binary"
	"errors"
	"math"
	"strconv"
	"strings"
	"testing"

	"bitmill/formats"
	"bitmill/formats/checkpoint/arch"
	"bitmill/formats/checkpoint/checkpointtest"
)

// narrow makes a llama folder with a tokenizer, 8 values wide, with so many embedding rows.
func narrow(t *testing.T, vocab int64) string {
	t.Helper()
	dir := checkpointtest.Load(t, "llama").FolderWithTokenizer(t)
	config := []byte(strings.ReplaceAll(`{"model_type": "llama", "hidden_size": 8, "intermediate_size": 8,
		"num_hidden_layers": 1, "num_attention_heads": 2, "vocab_size": VOCAB, "tie_word_embeddings": true, "bos_token_id": 0, "eos_token_id": 0}`,
		"VOCAB", strconv.FormatInt(vocab, 10)))
	checkpointtest.WriteFile(t, dir, "config.json", config)
	var raws []checkpointtest.Raw
	add := func(name string, shape ...int64) {
		n := int64(1)
		for _, d := range shape {
			n *= d
		}
		data := make([]byte, 0, 4*n)
		for _, v := range checkpointtest.Weights(name, shape) {
			data = binary.LittleEndian.AppendUint32(data, math.Float32bits(v))
		}
		raws = append(raws, checkpointtest.Raw{Name: name, DType: "F32", Shape: shape, Data: data})
	}
	h, err := arch.ParseHF(config)
	if err != nil {
		t.Fatal(err)
	}
	c, _, err := h.Config()
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range h.Tensors(&c) {
		if h.Needs(&c, e.Need) {
			add(e.Sources[0].HF, e.Sources[0].Shape...)
		}
	}
	checkpointtest.WriteFile(t, dir, "model.safetensors", checkpointtest.Safetensors(t, raws))
	return dir
}

// The vocabularies that the converter knows by their size.
func TestKnownVocabularies(t *testing.T) {
	c := open(t, narrow(t, 49152))
	if v, ok, _ := c.Metadata.Bool("tokenizer.ggml.add_bos_token"); !ok || v || c.Tokenizer == nil || c.Tokenizer.AddBOS {
		t.Errorf("49152 tokens: add_bos_token %v %v, tokenizer error %v", v, ok, c.TokenizerErr)
	}
	c = open(t, narrow(t, 32016))
	if v, _, _ := c.Metadata.Uint("tokenizer.ggml.eot_token_id"); v != 32010 || !c.Tokenizer.AddBOS {
		t.Errorf("32016 tokens: end of turn %d", v)
	}
	if v, _, _ := c.Metadata.Strings("tokenizer.ggml.tokens"); len(v) != 32016 {
		t.Errorf("%d tokens written, want 32016", len(v))
	}
	if v, _, _ := c.Metadata.Uint("general.file_type"); v != 0 {
		t.Errorf("general.file_type %d, want 0 for F32", v)
	}
}

// A tokenizer with more tokens than the embedding has rows is not used; the model opens.
func TestVocabularyTooLarge(t *testing.T) {
	c := open(t, narrow(t, 1000))
	if c.Tokenizer != nil || !errors.Is(c.TokenizerErr, formats.ErrCorrupt) || !strings.Contains(strings.Join(c.Warnings, " "), "1024 tokens") {
		t.Errorf("%v, warnings %q", c.TokenizerErr, c.Warnings)
	}
	if _, ok := c.Metadata.Get("tokenizer.ggml.tokens"); ok {
		t.Error("a vocabulary was written")
	}
}
