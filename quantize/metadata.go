package quantize

import (
	"fmt"
	"strings"
	"unicode/utf8"

	"bitmill/formats"
	"bitmill/formats/checkpoint"
	"bitmill/formats/gguf"
	"bitmill/formats/imatrix"
)

// metadata is the source's metadata, with the keys that llama-quantize sets moved to the end, in its order and types.
func metadata(c *checkpoint.Checkpoint, f *Format, imatrix *imatrix.Matrix, o Options) (*gguf.Metadata, error) {
	m := c.Metadata.Clone()
	set := func(key string, v any) {
		m.Delete(key)
		m.Set(key, v)
	}
	set(gguf.KeyQuantizationVersion, gguf.QuantizationVersion)
	if f != &asIs {
		set(gguf.KeyFileType, f.FileType)
	} else if v, ok := m.Get(gguf.KeyFileType); ok {
		set(gguf.KeyFileType, v)
	} else {
		set(gguf.KeyFileType, guessedFileType(c.Tensors))
	}
	for _, key := range []string{gguf.KeySplitNo, gguf.KeySplitCount, gguf.KeySplitTensors} {
		m.Delete(key)
	}
	for _, text := range o.MetadataKeys {
		key, v, err := parseKey(text, m)
		if err != nil {
			return nil, err
		}
		set(key, v)
	}
	if imatrix == nil && o.AssumeImatrix {
		imatrix = o.AssumedImatrix
	}
	if imatrix != nil {
		set("quantize.imatrix.file", shortened(o.ImatrixFile))
		if len(imatrix.Datasets) > 0 {
			set("quantize.imatrix.dataset", shortened(imatrix.Datasets[0]))
		}
		set("quantize.imatrix.entries_count", uint32(len(imatrix.Entries)))
		if imatrix.Windows > 0 {
			set("quantize.imatrix.chunks_count", uint32(imatrix.Windows))
		}
	}
	if o.Provenance != nil {
		if _, ok := o.Provenance.Get(KeySource); ok { // the source may be an artifact itself
			for _, key := range provenanceKeys {
				m.Delete(key)
			}
		}
		for _, key := range o.Provenance.Keys() {
			if !strings.HasPrefix(key, "bitmill.") {
				return nil, fmt.Errorf("provenance key %q: it does not start with \"bitmill.\"", key)
			}
			v, _ := o.Provenance.Get(key)
			set(key, v)
		}
	}
	return m, nil
}

// shortened is the part of a text that llama-quantize records: at most 127 bytes, here of whole characters.
func shortened(text string) string {
	const most = 127
	if len(text) <= most {
		return text
	}
	end := most
	for end > most-utf8.UTFMax && !utf8.RuneStart(text[end]) {
		end--
	}
	return text[:end]
}

// guessedFileType is llama.cpp's guess for a file without general.file_type: the format of the most frequent type (of
// equals the first to reach that count), with a bit that marks it as guessed.
func guessedFileType(tensors []checkpoint.Tensor) uint32 {
	count, best := map[formats.Type]int{}, formats.F32
	for _, i := range fileOrder(tensors) {
		t := tensors[i].Type
		if count[t]++; count[t] > count[best] {
			best = t
		}
	}
	if best == formats.NVFP4 {
		return gguf.FileTypeNVFP4 | gguf.FileTypeGuessed // no format has it
	}
	f, err := ParseFormat(best.String())
	if err != nil {
		return gguf.FileTypeF32 | gguf.FileTypeGuessed // as for every type without a format of its name
	}
	return f.FileType | gguf.FileTypeGuessed
}
