package pyjson_test

import (
	"fmt"

	"bitmill/formats/pyjson"
)

func Example() {
	var config struct {
		Width  int      `json:"hidden_size"`
		Limits []any    `json:"time_step_limit"`
		Theta  float64  `json:"rope_theta"`
		Types  []string `json:"layer_types"`
	}
	err := pyjson.Unmarshal([]byte(`{"hidden_size": 64.0, "time_step_limit": [0.0, Infinity], "rope_theta": "1e4",
		"layer_types": ["full_attention", 7]}`), &config)
	fmt.Println(config.Width, config.Limits, config.Theta, config.Types)
	fmt.Println(err)
	// Output:
	// 64 [0 +Inf] 10000 []
	// layer_types[1] holds 7 where a string belongs
}
