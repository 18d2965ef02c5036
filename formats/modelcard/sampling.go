package modelcard

import (
	"encoding/json"
	"fmt"
	"os"
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

// readSampling reads the recommended sampling parameters. A missing file, or one that is not JSON, is ignored; a key
// of another type is an error.
func readSampling(path string) ([]pair, error) {
	data, err := os.ReadFile(path)
	if err != nil {
		return nil, nil
	}
	var config map[string]json.RawMessage
	if json.Unmarshal(data, &config) != nil {
		return nil, nil
	}
	var list []pair
	for _, s := range samplingKeys {
		for _, key := range s.keys {
			raw, ok := config[key]
			if !ok {
				continue
			}
			if string(raw) == "null" {
				break
			}
			v, err := sample(raw, s.kind)
			if err != nil {
				return nil, fmt.Errorf("%s: %s: %w", path, key, err)
			}
			list = append(list, pair{"general.sampling." + s.gguf, v})
			break
		}
	}
	return list, nil
}

// sample decodes a value as the kind's type.
func sample(raw json.RawMessage, kind any) (any, error) {
	switch kind.(type) {
	case string:
		var v string
		err := json.Unmarshal(raw, &v)
		return v, err
	case int32:
		var v int32
		err := json.Unmarshal(raw, &v)
		return v, err
	}
	var v float64
	err := json.Unmarshal(raw, &v)
	return float32(v), err
}
