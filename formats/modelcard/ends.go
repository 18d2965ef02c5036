package modelcard

import (
	"bitmill/formats/pyjson"
	"bitmill/formats/store"
)

// EndTokens lists the tokens that end generation where a folder's generation_config.json names several. A file that
// cannot be read names none.
func EndTokens(dir string) []int {
	data, err := store.ReadFile(store.Join(dir, "generation_config.json"))
	if err != nil {
		return nil
	}
	var config struct {
		EOS []int `json:"eos_token_id"`
	}
	_ = pyjson.Unmarshal(data, &config) // of a single token, or of something else, nothing is read
	return config.EOS
}
