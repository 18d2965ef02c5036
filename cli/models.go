package cli

import (
	"bitmill/cli/pipeline"
	"bitmill/formats/checkpoint"
	"bitmill/formats/store"
)

// readable are the options of commands that only inspect a model.
var readable = checkpoint.OpenOptions{AllowRequantize: true}

// openModel opens a model with its weights, to inspect it.
func openModel(path string) (*checkpoint.Checkpoint, error) {
	return pipeline.Session{Source: readable}.Open(path)
}

// adapterOnlyForFolders drops the adapter for a model that is a file: of several models, only the Hugging Face folders
// take it.
func (e env) adapterOnlyForFolders(path string) env {
	if st, err := store.Stat(path); err == nil && !st.Folder {
		e.Source.Adapter = ""
	}
	return e
}

// requireFolder fails when an adapter is given but no model is a folder to merge it into.
func (e env) requireFolder(paths ...string) error {
	if e.Source.Adapter == "" {
		return nil
	}
	for _, path := range paths {
		if st, err := store.Stat(path); err == nil && st.Folder {
			return nil
		}
	}
	return usagef("--lora %s: none of the models is a Hugging Face folder, which it could be merged into",
		e.Source.Adapter)
}

// openForPlan opens a model, or a bare config.json.
func openForPlan(path string, o checkpoint.OpenOptions) (*checkpoint.Checkpoint, error) {
	if path == "" {
		return nil, pipeline.ErrNoModel
	}
	return checkpoint.OpenWith(path, o)
}
