package quantize

import (
	"fmt"

	"bitmill/formats"
)

// substitutes are llama-quantize's types for rows that do not divide into blocks of 256 (Q2_0: 64).
var substitutes = map[formats.Type]formats.Type{
	formats.IQ1_S:   formats.IQ4_NL,
	formats.IQ1_M:   formats.IQ4_NL,
	formats.IQ2_XXS: formats.IQ4_NL,
	formats.IQ2_XS:  formats.IQ4_NL,
	formats.IQ2_S:   formats.IQ4_NL,
	formats.IQ3_XXS: formats.IQ4_NL,
	formats.IQ3_S:   formats.IQ4_NL,
	formats.IQ4_XS:  formats.IQ4_NL,
	formats.Q2_0:    formats.Q4_0,
	formats.Q2_K:    formats.Q4_0,
	formats.Q3_K:    formats.Q4_0,
	formats.TQ1_0:   formats.Q4_0,
	formats.TQ2_0:   formats.Q4_0,
	formats.Q4_K:    formats.Q5_0,
	formats.Q5_K:    formats.Q5_1,
	formats.Q6_K:    formats.Q8_0,
}

// misfitError says that a type does not fit the length of a row and has no substitute.
type misfitError struct {
	typ  formats.Type
	cols int64
}

func (e *misfitError) Error() string {
	return fmt.Sprintf("rows of %d values do not divide into %s blocks of %d, and no other type stands in for %s",
		e.cols, e.typ, e.typ.BlockLen(), e.typ)
}

func (*misfitError) Unwrap() error { return formats.ErrUnsupported }

// fit returns the type itself where rows of cols values divide into its blocks, else its substitute, else F16.
// A type with larger blocks than 32 and no substitute (Q1_0) is a misfitError, as in llama-quantize.
func fit(t formats.Type, cols int64) (formats.Type, error) {
	if divides(t, cols) {
		return t, nil
	}
	s, ok := substitutes[t]
	switch {
	case ok && divides(s, cols):
		return s, nil
	case !ok && t.BlockLen() > 32:
		return t, &misfitError{t, cols}
	}
	return formats.F16, nil
}

func divides(t formats.Type, cols int64) bool { return cols%int64(t.BlockLen()) == 0 }
