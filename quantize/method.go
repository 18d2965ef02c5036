package quantize

import (
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"slices"
	"strings"
)

// Methods of choosing the scales and levels of a type.
const (
	Reference = "reference" // the encoders', with llama-quantize's bytes
	Feedback  = "feedback"  // by the errors' effect on the outputs of each layer; see package feedback
	Tuned     = "tuned"     // feedback, then levels moved by gradients of the divergence; see package tune
)

// TypesChosen stands for types that are chosen for the bytes of the format, see NewChosenPlan.
const TypesChosen = "chosen"

// CheckMethod fails for a name that is not a method's.
func CheckMethod(name string) error {
	if !slices.Contains(Methods(), name) {
		return fmt.Errorf("method %q: bitmill knows %s", name, strings.Join(Methods(), ", "))
	}
	return nil
}

// Methods lists the methods.
func Methods() []string { return []string{Reference, Feedback, Tuned} }

// Fits reports whether a method runs the model on a text that it fits on.
func Fits(method string) bool { return method == Feedback || method == Tuned }

// TypesMethod is the method by whose errors types are chosen: Tuned leaves those that Feedback leaves.
func TypesMethod(method string) string {
	if method == Tuned {
		return Feedback
	}
	return method
}

// Fit are the settings of Feedback and Tuned; the zero value takes the defaults of packages feedback and tune.
type Fit struct {
	Damping float64 `json:",omitempty"` // of the moments, relative to their mean
	Tokens  int     `json:",omitempty"` // of the text to fit on
	Starts  int     `json:",omitempty"` // of the search, up to MostStarts
	Passes  int     `json:",omitempty"` // of Tuned over the text
}

// Check fails for values out of range.
func (f Fit) Check() error {
	switch {
	case !(f.Damping >= 0 && f.Damping <= 10):
		return fmt.Errorf("--damping %v: give a number from 0 to 10", f.Damping)
	case f.Starts < 0 || f.Starts > MostStarts:
		return fmt.Errorf("--starts %d: give a count up to %d", f.Starts, MostStarts)
	case f.Passes < 0:
		return fmt.Errorf("--passes %d: give a count, or 0 for the default", f.Passes)
	case f.Tokens < 0:
		return fmt.Errorf("--fit-tokens %d: give a count, or 0 for the default", f.Tokens)
	}
	return nil
}

// Tuning is what Tuned has done for an artifact: the divergence on windows that nothing was fitted on, in nats.
type Tuning struct {
	Passes int     `json:"passes"` // over the text
	Pass   int     `json:"pass"`   // whose levels were best; 0: those of Feedback
	Before float64 `json:"before"` // of Feedback's levels
	After  float64 `json:"after"`  // of the best
}

// MostStarts is the largest Fit.Starts.
const MostStarts = 5

// String lists what is not the default, as NAME=VALUE.
func (f Fit) String() string {
	var list []string
	add := func(name string, set bool, value any) {
		if set {
			list = append(list, fmt.Sprintf("%s=%v", name, value))
		}
	}
	add("damping", f.Damping != 0, f.Damping)
	add("passes", f.Passes != 0, f.Passes)
	add("starts", f.Starts > 1, f.Starts)
	add("tokens", f.Tokens != 0, f.Tokens)
	return strings.Join(list, " ")
}

// SetMethod records a method and, unless it is Reference, its settings and the text that it used, by its windows.
func (p *Provenance) SetMethod(name string, f Fit, windows [][]int32) {
	p.Method, p.Settings, p.Text = "", "", ""
	if name != "" && name != Reference {
		p.Method, p.Settings, p.Text = name, f.String(), WindowsHash(windows)
	}
}

// WindowsHash is the hash of a text by its windows of tokens: equal for models that tokenize it equally.
func WindowsHash(windows [][]int32) string {
	h := sha256.New()
	for _, w := range windows {
		data := binary.LittleEndian.AppendUint32(nil, uint32(len(w)))
		for _, t := range w {
			data = binary.LittleEndian.AppendUint32(data, uint32(t))
		}
		h.Write(data)
	}
	return hex.EncodeToString(h.Sum(nil))
}
