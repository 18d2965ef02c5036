package arch

import (
	"bytes"
	"cmp"
	"encoding/json"
	"fmt"
	"maps"
	"slices"

	"bitmill/formats"
	"bitmill/formats/pyjson"
)

// nests are the places in a wrapper's config.json where the decoder has a configuration of its own. Of several the last
// counts, as in llama.cpp's converter.
var nests = [][]string{{"text_config"}, {"llm_config"}, {"lm_config"}, {"thinker_config", "text_config"},
	{"language_config"}, {"lfm"}}

// wrappers maps the model_type of a wrapper, which puts encoders of images or sound beside a decoder, to the decoder's
// where the wrapper decides on it. Every other wrapper is known if the decoder's own model_type is.
var wrappers = map[string]wrapper{
	"gemma3":         {Decoder: "gemma3_text"},
	"gemma3n":        {Decoder: "gemma3n_text"},
	"gemma4":         {Decoder: "gemma4_text"},
	"gemma4_unified": {Decoder: "gemma4_unified_text"},
	"glm4v":          {Decoder: "glm4v_text", EitherTies: true},
	"glm4v_moe":      {Decoder: "glm4v_moe_text", EitherTies: true},
	"idefics3":       {Decoder: "llama"},
	"internvl":       {Decoder: "qwen2"},
	"lfm2_vl":        {Decoder: "lfm2"},
	"llava":          {Decoder: "llama", EitherTies: true},
	"mistral3":       {Decoder: "mistral3", Instead: "mistral"},
	"qwen2_5_omni":   {Decoder: "qwen2_vl_text"},
	"qwen2_5_vl":     {Decoder: "qwen2_vl_text", EitherTies: true},
	"qwen2_vl":       {Decoder: "qwen2_vl_text", EitherTies: true},
	"qwen3_5":        {Decoder: "qwen3_5_text"},
	"qwen3_5_moe":    {Decoder: "qwen3_5_moe_text"},
	"qwen3_omni_moe": {Decoder: "qwen3_vl_moe_text"},
	"qwen3_vl":       {Decoder: "qwen3_vl_text"},
	"qwen3_vl_moe":   {Decoder: "qwen3_vl_moe_text"},
	"smolvlm":        {Decoder: "llama"},
}

// wrapper is what a wrapper decides.
type wrapper struct {
	Decoder string // model_type of a decoder that has none of its own
	Instead string // model_type of a decoder that is Decoder in this wrapper; empty: none

	EitherTies bool // the embedding is the output matrix when wrapper or decoder says so; else the wrapper decides
}

// sameDecoders maps model_types to that of the same decoder in another wrapper.
var sameDecoders = map[string]string{
	"qwen2_5_omni_text":   "qwen2_vl_text",
	"qwen2_5_vl_text":     "qwen2_vl_text",
	"qwen3_omni_moe_text": "qwen3_vl_moe_text",
}

// unwrapped is config.json as its decoder would have it.
type unwrapped struct {
	data    []byte // the object
	decoder string // model_type
	wrapper string // model_type of the configuration that it lies in; empty: none
}

// ofWhole are the keys of a wrapper that are about the decoder too. Those of the decoder come first, except for what
// the wrapper's class decides: transformers reads no other keys of it for the decoder.
var ofWhole = []struct {
	key   string
	first bool
}{
	{"architectures", true}, {"_name_or_path", true}, {"dtype", true}, {"torch_dtype", true}, {"vision_config", true},
	{"quantization_config", false}, {"quantization", false},
}

// unwrap finds the decoder's configuration. A config.json without a wrapper is its own.
func unwrap(data []byte) (u unwrapped, err error) {
	u.data = data
	var whole map[string]json.RawMessage
	if err := pyjson.Unmarshal(data, &whole); err != nil {
		return u, fmt.Errorf("%w: %v", formats.ErrCorrupt, err)
	}
	outer, err := modelType(whole)
	if err != nil || outer == "" {
		return u, cmp.Or(err, fmt.Errorf("%w: there is no model_type", formats.ErrCorrupt))
	}
	around, own := nest(whole)
	if own != nil {
		u.wrapper = outer
		if u.decoder, err = modelType(own); err != nil {
			return u, err
		}
	}
	if w, ok := wrappers[outer]; ok && (u.decoder == "" || u.decoder == w.Instead) {
		u.decoder = w.Decoder
	} else if u.decoder == "" {
		u.decoder = outer
	}
	if w, ok := wrappers[u.decoder]; ok && u.decoder != w.Decoder {
		u.decoder = w.Decoder // some programs save the wrapper's model_type in both places
	}
	if same, ok := sameDecoders[u.decoder]; ok {
		u.decoder = same
	}
	if own != nil {
		u.data = wrappers[outer].joined(around, own)
	}
	return u, nil
}

// modelType is the model_type of a configuration; empty when it has none.
func modelType(config map[string]json.RawMessage) (name string, err error) {
	if raw := config["model_type"]; raw != nil {
		err = pyjson.Unmarshal(raw, &name)
	}
	if err != nil {
		return "", fmt.Errorf("%w: model_type: %v", formats.ErrCorrupt, err)
	}
	return name, nil
}

// nest finds the decoder's configuration and the keys around it: those of the nearest object count. own is nil when
// there is none.
func nest(whole map[string]json.RawMessage) (around, own map[string]json.RawMessage) {
	for _, path := range nests {
		outside, at := map[string]json.RawMessage{}, whole
		for _, key := range path {
			maps.Copy(outside, at)
			var inner map[string]json.RawMessage
			if raw := at[key]; raw == nil || pyjson.Unmarshal(raw, &inner) != nil || inner == nil {
				at = nil
				break
			}
			at = inner
		}
		if at != nil {
			around, own = outside, at
		}
	}
	return around, own
}

// decides reports whether the wrapper's tie_word_embeddings counts where the decoder has one too.
func (w wrapper) decides(own string) bool { return w.Decoder != "" && !(w.EitherTies && own == "true") }

// joined adds to the decoder's own keys those of the wrapper that are about both.
func (w wrapper) joined(around, own map[string]json.RawMessage) []byte {
	all := maps.Clone(own)
	for _, k := range ofWhole {
		_, has := all[k.key]
		if raw, ok := around[k.key]; ok && (k.first || !has) {
			all[k.key] = raw
		}
	}
	const tied = "tie_word_embeddings"
	_, has := own[tied]
	if raw, ok := around[tied]; ok && !pyjson.Null(raw) && (w.decides(string(own[tied])) || !has) {
		all[tied] = raw
	}
	var text bytes.Buffer
	for _, key := range slices.Sorted(maps.Keys(all)) {
		name, _ := json.Marshal(key)
		fmt.Fprintf(&text, ",%s:%s", name, all[key])
	}
	return append([]byte("{"), append(text.Bytes()[min(1, text.Len()):], '}')...)
}
