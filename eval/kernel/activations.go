package kernel

import (
	"fmt"

	"bitmill/eval/kernel/layout"
	"bitmill/formats"
)

// ActivationForm is how activations are held for a product.
type ActivationForm uint8

// The forms of activations. A block holds 8-bit codes q and a scale d, so that x is about d*q.
const (
	FormF32        ActivationForm = iota // plain float32: F32 and F16 weights, and exact products
	FormQ8_0                             // blocks of 32, d = max|x|/127 rounded to 16 bits: Q8_0, Q4_0, Q5_0 weights
	FormQ8_1                             // FormQ8_0 and s = d*sum(q) rounded to 16 bits: Q4_1, Q5_1 weights
	FormQ8_K                             // blocks of 256, d = ±max|x|/127 (- if that x is positive): k-quants
	FormBF16                             // rounded to bfloat16, nearest even: BF16 weights
	FormValuesQ8_0                       // FormQ8_0 and d*q as float32: IQ4_NL, MXFP4, NVFP4, Q1_0, Q2_0 weights
	FormValuesQ8_K                       // FormQ8_K and d*q as float32: the other i-quants, TQ1_0, TQ2_0
	formCount
)

var formNames = [formCount]string{"F32", "Q8_0", "Q8_1", "Q8_K", "BF16", "Q8_0 with values", "Q8_K with values"}

func (f ActivationForm) String() string {
	if f < formCount {
		return formNames[f]
	}
	return fmt.Sprintf("form %d", uint8(f))
}

// float says that there are no codes.
func (f ActivationForm) float() bool { return f == FormF32 || f == FormBF16 }

// values says that activations are held as float32 too.
func (f ActivationForm) values() bool { return f.float() || f == FormValuesQ8_0 || f == FormValuesQ8_K }

// codes is the form of the codes.
func (f ActivationForm) codes() ActivationForm {
	switch f {
	case FormValuesQ8_0:
		return FormQ8_0
	case FormValuesQ8_K:
		return FormQ8_K
	}
	return f
}

// blockLen is the number of activations that share a scale.
func (f ActivationForm) blockLen() int {
	switch f.codes() {
	case FormQ8_0, FormQ8_1:
		return 32
	case FormQ8_K:
		return 256
	}
	return 1
}

// ExactFormOf returns the form that keeps activations as they are. MatMul accepts it for weights of every type: it
// decodes them to float32 and rounds only sums. Types without a product fail with formats.ErrUnsupported.
func ExactFormOf(t formats.Type) (ActivationForm, error) {
	_, err := FormOf(t)
	return FormF32, err
}

// FormOf returns the form in which activations are multiplied with weights of type t at full speed: rounded as
// llama.cpp rounds them for the type. Types without a product fail with formats.ErrUnsupported.
//
// Some forms hold the rounded values beside the codes. The generic Set multiplies those with decoded weights, to the
// same result.
func FormOf(t formats.Type) (ActivationForm, error) {
	w := weightTypeOf(t)
	if w == nil {
		return 0, fmt.Errorf("%w: matrix products with %s weights", formats.ErrUnsupported, t)
	}
	return w.form, nil
}

// Activations holds the activations of n tokens in one form. The zero value is ready to use; Reset reuses its buffers.
// Everything is row-major by token, and padded so that kernels may work on eight tokens at a time.
//
//	f32    [n][stride]        all but FormQ8_0, FormQ8_1, FormQ8_K: the values, rounded as the form says
//	bf16   [n][stride]        FormBF16: their upper halves, and zeros beyond cols
//	codes  [n][stride]        8-bit codes; a row is a cache line longer than cols, so that the rows of a wide
//	                          matrix do not compete for the same sets of the cache
//	int16s [n][stride]        FormQ8_0: codes as int16
//	d      [n][cols/block]    scales
//	s      [n][cols/32]       FormQ8_1: d*sum; FormValuesQ8_K: d
//	sums16 [n][cols/16]       sums of 16 codes
//	sums32 [n][cols/32]       FormQ8_K: sums of 32 codes
//	tokenBlocks               more than fullTokens tokens: see token_block.go
type Activations struct {
	form           ActivationForm
	n, cols        int
	stride         int
	f32, d, s      []float32
	codes          []int8
	int16s         []int16
	sums16, sums32 []int16
	tokenBlocks    []int32
	bf16           []uint16
}

// tokenGroup is the number of tokens an AVX2 kernel multiplies at once.
const tokenGroup = layout.Tokens

// Tokens is the number of tokens.
func (b *Activations) Tokens() int { return b.n }

// Reset makes room for n tokens of cols activations in the given form; contents are undefined until loaded. It fails
// if cols does not divide into blocks.
func (b *Activations) Reset(form ActivationForm, n, cols int) error {
	if form >= formCount || n < 0 || cols < 0 {
		return fmt.Errorf("%d x %d activations in %s: %w", n, cols, form, formats.ErrUnsupported)
	}
	if cols%form.blockLen() != 0 {
		return fmt.Errorf("%w: a row of %d activations does not divide into %s blocks of %d",
			formats.ErrUnsupported, cols, form, form.blockLen())
	}
	b.form, b.n, b.cols = form, n, cols
	rows := (n + BlockTokens - 1) / BlockTokens * BlockTokens
	if form.float() {
		b.stride = (cols+31)/32*32 + 32
		b.f32 = grow(b.f32, n*b.stride)
		b.bf16 = b.bf16[:0]
		if form == FormBF16 {
			b.bf16 = grow(b.bf16, rows*b.stride)
		}
		return nil
	}
	b.stride = (cols+63)/64*64 + 64
	b.codes = grow(b.codes, rows*b.stride)
	b.d = grow(b.d, rows*(cols/form.blockLen()))
	b.sums16 = grow(b.sums16, rows*(cols/16))
	b.tokenBlocks = b.tokenBlocks[:0]
	if n > fullTokens {
		b.tokenBlocks = grow(b.tokenBlocks, rows*(cols/form.blockLen())*form.tokenBlockWords()/BlockTokens)
	}
	if form.values() {
		b.f32 = grow(b.f32, n*b.stride)
	}
	switch form.codes() {
	case FormQ8_0:
		b.int16s = grow(b.int16s, rows*b.stride)
	case FormQ8_1:
		b.s = grow(b.s, rows*(cols/32))
	case FormQ8_K:
		if form == FormValuesQ8_K {
			b.s = grow(b.s, rows*(cols/32))
		}
		b.sums32 = grow(b.sums32, rows*(cols/32))
	}
	return nil
}

// grow returns a slice of length n, reusing buf when it is large enough.
func grow[T any](buf []T, n int) []T {
	if cap(buf) < n {
		return make([]T, n)
	}
	return buf[:n]
}

// Load resets b and converts n tokens of cols activations; token t is x[t*cols : (t+1)*cols].
func (s *Set) Load(b *Activations, form ActivationForm, x []float32, n, cols int) error {
	if err := b.Reset(form, n, cols); err != nil {
		return err
	}
	return s.LoadRows(b, x, 0, n)
}

// LoadRows converts tokens t0 to t1-1; x holds all tokens of b. Calls for different tokens may run at the same time.
// It is fastest for BlockTokens of them, starting at a multiple of BlockTokens.
func (s *Set) LoadRows(b *Activations, x []float32, t0, t1 int) error {
	if t0 < 0 || t1 < t0 || t1 > b.n || len(x) < t1*b.cols {
		return fmt.Errorf("load tokens %d to %d of %d x %d activations from %d numbers: out of range",
			t0, t1, b.n, b.cols, len(x))
	}
	for t := t0; t < t1; {
		first := t
		for ; t < min(t1, (first/BlockTokens+1)*BlockTokens); t++ {
			s.loads.load(b, t, x[t*b.cols:(t+1)*b.cols])
		}
		b.putTokenBlock(s, first, t)
	}
	return nil
}
