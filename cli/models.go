package cli

import (
	"bitmill/cli/pipeline"
	"bitmill/formats/checkpoint"
)

// readable are the options of commands that only look at a model.
var readable = checkpoint.OpenOptions{AllowRequantize: true}

// openModel opens a model with its weights to look at it, or one that bitmill wrote.
func openModel(path string) (*checkpoint.Checkpoint, error) {
	return pipeline.Session{Source: readable}.Open(path)
}
