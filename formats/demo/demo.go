// Package demo holds what bitmill's main job runs on when no model is named: two small models of one family and two
// short texts, embedded in the binary. Built with the tag nodemo or slim, the binary has neither.
//
// The models (Llama architecture, 3.4 and 11.5 million parameters, one vocabulary of 4096 tokens) were trained for
// this project on public-domain books and carry its licence. The texts were sampled from the larger model by
// `bitmill generate`, with the commands in data/README.md.
package demo

import (
	"io/fs"
	"path"
)

// Model is an embedded checkpoint in the layout of a Hugging Face folder.
type Model struct {
	Name  string
	files []string // paths in the embedded tree
}

// File is one file of a model.
type File struct {
	Name string
	Data []byte
}

// Models lists the embedded models, the smaller first; none under the tags nodemo and slim.
func Models() []Model { return models }

// Files returns the model's files. The caller must not change their data.
func (m Model) Files() ([]File, error) {
	var out []File
	for _, name := range m.files {
		data, err := fs.ReadFile(tree, name)
		if err != nil {
			return nil, err
		}
		out = append(out, File{path.Base(name), data})
	}
	return out, nil
}
