package arch

import (
	"fmt"
	"reflect"
	"slices"
	"strings"

	"bitmill/formats"
)

// mayBeNegative are the whole numbers of config.json that are negative where they say that there is none.
var mayBeNegative = []string{"sliding_window", "max_window_layers", "no_rope_layer_interval", "decoder_sparse_step"}

// Limits of numbers that make lists.
const maxPredictors = 64 // blocks that predict further tokens

// implausible fails for whole numbers of config.json that no model has. Sizes are checked again where they are used.
func (h *HFConfig) implausible() error {
	if err := negative(reflect.ValueOf(h).Elem()); err != nil {
		return err
	}
	if n := h.promised(); n > maxPredictors {
		return fmt.Errorf("%w: config.json has %d blocks that predict further tokens", formats.ErrCorrupt, n)
	}
	return nil
}

func negative(v reflect.Value) error {
	for i := range v.NumField() {
		field, x := v.Type().Field(i), v.Field(i)
		key, _, _ := strings.Cut(field.Tag.Get("json"), ",")
		switch {
		case field.Anonymous && x.Kind() == reflect.Struct:
			if err := negative(x); err != nil {
				return err
			}
		case key == "" || x.Kind() != reflect.Pointer || x.IsNil() || x.Elem().Kind() != reflect.Int:
		case x.Elem().Int() < 0 && !slices.Contains(mayBeNegative, key):
			return fmt.Errorf("%w: %s is %d", formats.ErrCorrupt, key, x.Elem().Int())
		}
	}
	return nil
}
