package modelcard

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"reflect"

	"bitmill/formats/pyjson"
	"bitmill/formats/store"
)

// samplingKeys maps generation_config.json to GGUF, in the converter's order.
var samplingKeys = []struct {
	keys []string // the first that the file has counts
	gguf string
	kind any // of the value: string, int32 or float32
}{
	{[]string{"sequence"}, "sequence", ""},
	{[]string{"top_k"}, "top_k", int32(0)},
	{[]string{"top_p"}, "top_p", float32(0)},
	{[]string{"min_p"}, "min_p", float32(0)},
	{[]string{"xtc_probability"}, "xtc_probability", float32(0)},
	{[]string{"xtc_threshold"}, "xtc_threshold", float32(0)},
	{[]string{"temperature"}, "temp", float32(0)},
	{[]string{"penalty_last_n"}, "penalty_last_n", int32(0)},
	{[]string{"penalty_repeat", "repetition_penalty"}, "penalty_repeat", float32(0)},
	{[]string{"mirostat"}, "mirostat", int32(0)},
	{[]string{"mirostat_tau"}, "mirostat_tau", float32(0)},
	{[]string{"mirostat_eta"}, "mirostat_eta", float32(0)},
}

// readSampling reads the recommended sampling parameters. Nothing needs them: a file or a value that cannot be read is
// left out with a warning, and a missing file is ignored. suppressed are the tokens that are never to be generated.
func readSampling(path string) (list []pair, suppressed []int32, warnings []string) {
	data, err := store.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil, nil
	}
	var config map[string]json.RawMessage
	if err == nil {
		warnings, err = pyjson.Lenient(path, pyjson.Unmarshal(data, &config))
	}
	if err != nil {
		return nil, nil, []string{fmt.Sprintf("the sampling parameters are left out: %v", err)}
	}
	for _, s := range samplingKeys {
		for _, key := range s.keys {
			raw, ok := config[key]
			if !ok {
				continue
			}
			if pyjson.Null(raw) {
				break
			}
			value := reflect.New(reflect.TypeOf(s.kind))
			err := pyjson.Unmarshal(raw, value.Interface())
			if err == nil {
				list = append(list, pair{"general.sampling." + s.gguf, value.Elem().Interface()})
			}
			more, _ := pyjson.Lenient(path, pyjson.Under(key, err))
			warnings = append(warnings, more...)
			break
		}
	}
	if raw := config["suppress_tokens"]; raw != nil && !pyjson.Null(raw) {
		more, err := pyjson.Lenient(path, pyjson.Under("suppress_tokens", pyjson.Unmarshal(raw, &suppressed)))
		if warnings = append(warnings, more...); err != nil || more != nil {
			suppressed = nil
		}
	}
	return list, suppressed, warnings
}
