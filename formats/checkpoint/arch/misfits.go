package arch

import (
	"bytes"
	"fmt"
	"reflect"
	"slices"
	"strings"

	"bitmill/formats"
	"bitmill/formats/modelcard"
	"bitmill/formats/pyjson"
)

// descriptive are the keys that say something about a model and nothing about its arithmetic.
var descriptive = []string{"_name_or_path", "architectures", "torch_dtype", "dtype"}

// keep turns values that do not fit into warnings where the model is the same without them; one of the others is an
// error.
func (h *HFConfig) keep(data []byte, err error) error {
	misfits, ok := err.(pyjson.Misfits)
	if !ok {
		return err
	}
	var needed pyjson.Misfits
	for _, m := range misfits {
		key := m.Top()
		if _, ok := h.each[key]; ok {
			continue // a number for each layer
		}
		if key == "sliding_window_pattern" && h.windowLetters != "" {
			continue
		}
		if slices.Contains(descriptive, key) || m.Key == key && !h.depends(data, key) {
			h.Warnings = append(h.Warnings, fmt.Sprintf("config.json: %v; this value is ignored", m))
		} else {
			needed = append(needed, m)
		}
	}
	if len(needed) > 0 {
		return needed
	}
	return nil
}

// probes are values of all kinds that a key of a model with so many layers may have.
func probes(layers int) []string {
	list := func(entry string) string { return "[" + strings.Repeat(entry+",", max(layers, 1)-1) + entry + "]" }
	return []string{"null", "1", "2", "3", "64", "0.5", "true", `"gelu"`, list(`"sliding_attention"`), list("1")}
}

// depends reports whether the model depends on a key: whether any value that the key may have makes another model than
// its absence does. Most keys belong to some families only.
func (h *HFConfig) depends(data []byte, key string) bool {
	object, ok := bytes.CutSuffix(bytes.TrimSpace(data), []byte("}"))
	if !ok {
		return true
	}
	var without any
	fitting := 0
	layers := 1
	if h.Layers != nil {
		layers = min(*h.Layers, maxLayers)
	}
	for i, value := range probes(layers) {
		k := h.family.defaults(h.wrapper) // of a key that occurs twice the last value counts
		text := fmt.Appendf(slices.Clip(object), ",%q:%s}", key, value)
		err := pyjson.Unmarshal(text, k)
		misfits, ok := err.(pyjson.Misfits)
		if err != nil && !ok {
			return true
		}
		if slices.ContainsFunc(misfits, func(m pyjson.Misfit) bool { return m.Top() == key }) {
			continue
		}
		k.readLists(text)
		k.spell()
		model, ok := k.model()
		if i == 0 {
			without = model
		} else {
			fitting++
		}
		if !ok || !reflect.DeepEqual(model, without) {
			return true
		}
	}
	return fitting == 0
}

// model is all that config.json decides, to be compared; ok is false when it is not the configuration of a model.
func (h *HFConfig) model() (model any, ok bool) {
	c, evaluation, err := h.Config()
	if err != nil {
		return nil, false
	}
	metadata := h.Metadata(&c, modelcard.FromNames("", "", modelcard.Size{}), formats.BF16)
	return []any{c, fmt.Sprint(evaluation), metadata, h.Tensors(&c)}, true
}
