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

// CheckEncoders fails with a BlockedError when the plan gives tensors a type that has no encoder: the plan tells how
// large the artifact would be, but Write cannot make it.
func (p *Plan) CheckEncoders() error {
	blocked := &BlockedError{Format: p.Format.Name}
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
