// Package corpus holds the built-in texts, one to calibrate on and one to evaluate on, embedded in the binary: prose,
// dialogue, code, mathematics, tables, chat, twenty-four languages, things of every day and of professions. They share no
// content. Built with the tag nodemo or slim, the binary has neither.
//
// Each text is joined from pieces of about two thousand bytes, files that data/README.md describes.
package corpus

import (
	"cmp"
	"io/fs"
	"path"
	"slices"
	"strings"
	"sync"
)

// Piece is one file of a text.
type Piece struct {
	Kind string // what stands before the first hyphen of the file's name: prose, code, …
	Name string // the file's name without its ending
	Text string // ends with one line end
}

// Calibration is the text to calibrate on; "" under the tags nodemo and slim.
func Calibration() string { return calibration() }

// Evaluation is the text to evaluate on; "" under the tags nodemo and slim.
func Evaluation() string { return evaluation() }

var (
	calibration = sync.OnceValue(func() string { return join(Pieces("calibration")) })
	evaluation  = sync.OnceValue(func() string { return join(Pieces("evaluation")) })
)

// Pieces returns the pieces of a text, "calibration" or "evaluation", in its order: those of a kind by name, and the
// kinds interleaved in proportion, so that every beginning of the text has a share of each. Piece i of the n of a kind
// stands at (2i+1)/2n of the whole; of two kinds at one place, the first in the alphabet comes first.
func Pieces(text string) []Piece {
	type place struct {
		Piece
		i, n int
	}
	dir := path.Join("data", text)
	entries, err := fs.ReadDir(tree, dir) // sorted by name
	if err != nil {
		return nil // not in this binary
	}
	var places []place
	count := map[string]int{}
	for _, e := range entries {
		data, err := fs.ReadFile(tree, path.Join(dir, e.Name()))
		if err != nil {
			return nil
		}
		name := strings.TrimSuffix(e.Name(), ".txt")
		kind, _, _ := strings.Cut(name, "-")
		places = append(places, place{Piece{kind, name, string(data)}, count[kind], 0})
		count[kind]++
	}
	for i := range places {
		places[i].n = count[places[i].Kind]
	}
	slices.SortStableFunc(places, func(a, b place) int {
		return cmp.Or((2*a.i+1)*b.n-(2*b.i+1)*a.n, strings.Compare(a.Kind, b.Kind))
	})
	var out []Piece
	for _, p := range places {
		out = append(out, p.Piece)
	}
	return out
}

// join puts a blank line between the pieces.
func join(pieces []Piece) string {
	var b strings.Builder
	for i, p := range pieces {
		if i > 0 {
			b.WriteByte('\n')
		}
		b.WriteString(p.Text)
	}
	return b.String()
}
