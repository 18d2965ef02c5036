package quantize

import (
	"fmt"
	"strings"

	"bitmill/formats/gguf"
	"bitmill/formats/stats"
)

// metadata is the source's, with the keys that llama-quantize sets moved to the end, in its order and types.
func metadata(source *gguf.Metadata, f *Format, imatrix *stats.Matrix, o Options) (*gguf.Metadata, error) {
	m := new(gguf.Metadata)
	if source != nil {
		m = source.Clone()
	}
	set := func(key string, v any) {
		m.Delete(key)
		m.Set(key, v)
	}
	set("general.quantization_version", uint32(2))
	if f != &asIs {
		set("general.file_type", f.FileType)
	} else if v, ok := m.Get("general.file_type"); ok {
		set("general.file_type", v)
	}
	for _, key := range []string{"split.no", "split.count", "split.tensors.count"} {
		m.Delete(key)
	}
	for _, text := range o.MetadataKeys {
		key, v, err := parseKey(text, m)
		if err != nil {
			return nil, err
		}
		set(key, v)
	}
	if imatrix != nil {
		set("quantize.imatrix.file", o.ImatrixFile)
		if len(imatrix.Datasets) > 0 {
			set("quantize.imatrix.dataset", imatrix.Datasets[0])
		}
		set("quantize.imatrix.entries_count", uint32(len(imatrix.Entries)))
		if imatrix.Chunks > 0 {
			set("quantize.imatrix.chunks_count", uint32(imatrix.Chunks))
		}
	}
	if o.Provenance != nil {
		for _, key := range o.Provenance.Keys() {
			if !strings.HasPrefix(key, "bitmill.") {
				return nil, fmt.Errorf("provenance key %q: it must start with bitmill", key)
			}
			v, _ := o.Provenance.Get(key)
			set(key, v)
		}
	}
	return m, nil
}
