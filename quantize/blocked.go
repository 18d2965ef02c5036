package quantize

import (
	"fmt"
	"slices"
	"strings"

	"bitmill/quantize/encode"
)

// BlockedError says why a checkpoint cannot be written in one format, though it may be in others.
type BlockedError struct {
	Format  string
	Tensors []string
	Why     string // continues the sentence that begins with the tensors
}

func (e *BlockedError) Error() string {
	return fmt.Sprintf("%s: %s %s", e.Format, listed(e.Tensors), e.Why)
}

// PartialError says which artifacts Write could not make, though the others are there.
type PartialError struct {
	Source  string // path
	Blocked []*BlockedError
}

// Error gives the first reason in full.
func (e *PartialError) Error() string {
	text := e.Source + ": " + e.Blocked[0].Error()
	if len(e.Blocked) == 1 {
		return text
	}
	var others []string
	for _, b := range e.Blocked[1:] {
		others = append(others, b.Format)
	}
	return text + "; " + strings.Join(others, ", ") + " cannot be made either"
}

// Unwrap returns the reasons.
func (e *PartialError) Unwrap() (list []error) {
	for _, b := range e.Blocked {
		list = append(list, b)
	}
	return list
}

// partial is the error of writing, nil when no artifact is blocked.
func partial(source string, writers []*artifactWriter) error {
	e := &PartialError{Source: source}
	for _, w := range writers {
		if b := w.blocked.Load(); b != nil {
			e.Blocked = append(e.Blocked, b)
		}
	}
	if e.Blocked == nil {
		return nil
	}
	return e
}

// CheckEncoders fails with a BlockedError when the plan gives tensors a type that has no encoder: the plan tells how
// large the artifact would be, but Write cannot make it.
func (p *Plan) CheckEncoders() error {
	blocked := &BlockedError{Format: p.subject()}
	var types []string
	for i := range p.Tensors {
		t := &p.Tensors[i]
		if !t.Converted() || encode.Known(t.Type) {
			continue
		}
		blocked.Tensors = append(blocked.Tensors, t.Name)
		if name := t.Type.String(); !slices.Contains(types, name) {
			types = append(types, name)
		}
	}
	if types == nil {
		return nil
	}
	blocked.Why = fmt.Sprintf("would be %s, which bitmill can plan but not write yet", strings.Join(types, " and "))
	return blocked
}
