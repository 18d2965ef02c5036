//go:build !nodemo && !slim

package demo

import "embed"

//go:embed data
var tree embed.FS

// The two texts, for calibration and for evaluation; they share no window.
var (
	//go:embed data/calibration.txt
	Calibration string
	//go:embed data/evaluation.txt
	Evaluation string
)

var models = []Model{
	{"demo-s", []string{"data/demo-s/config.json", "data/demo-s/model.safetensors", "data/tokenizer.json",
		"data/tokenizer_config.json"}},
	{"demo-l", []string{"data/demo-l/config.json", "data/demo-l/model.safetensors", "data/tokenizer.json",
		"data/tokenizer_config.json"}},
}
