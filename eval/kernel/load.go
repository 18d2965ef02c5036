package kernel

import "bitmill/formats/block"

// loadFuncs are the functions of an instruction set that round activations.
type loadFuncs struct {
	// q8 is loadQ8 for blocks in a row; s is nil for Q8_0, int16s for Q8_1.
	q8 func(codes *int8, int16s *int16, sums *int16, d, s, x *float32, blocks int)
	// q8K is loadQ8K for blocks in a row.
	q8K func(codes *int8, sums16, sums32 *int16, d, x *float32, blocks int)
	// bf16 rounds to bfloat16, nearest even, NaN made quiet; n is a multiple of 16. halves gets the upper halves,
	// unless nil.
	bf16 func(dst *float32, halves *uint16, x *float32, n int)
	// values sets dst to codes times the scale of their block, of a multiple of 32.
	values func(dst *float32, codes *int8, d *float32, blocks, block int)
	// interleave32 and interleave256 write a token block of eight tokens; s may be nil.
	interleave32  func(tokenBlock *int32, d, s *float32, sums *int16, blocks int)
	interleave256 func(tokenBlock *int32, d *float32, sums *int16, blocks int)
}

// load converts one token.
func (f *loadFuncs) load(b *Activations, t int, x []float32) {
	if f == nil || b.form == FormF32 || len(x) == 0 {
		loadGeneric(b, t, x)
		return
	}
	if b.form == FormBF16 {
		f.loadBF16(b, t, x)
		return
	}
	size := b.form.blockLen()
	blocks := b.cols / size
	codes, sums, d := &b.codes[t*b.stride], &b.sums16[t*(b.cols/16)], &b.d[t*blocks]
	switch b.form.codes() {
	case FormQ8_K:
		f.q8K(codes, sums, &b.sums32[t*(b.cols/32)], d, &x[0], blocks)
	case FormQ8_1:
		f.q8(codes, nil, sums, d, &b.s[t*blocks], &x[0], blocks)
	default:
		f.q8(codes, &b.int16s[t*b.stride], sums, d, nil, &x[0], blocks)
	}
	if b.form.values() {
		f.values(&b.f32[t*b.stride], codes, d, blocks, size)
	}
}

func (f *loadFuncs) loadBF16(b *Activations, t int, x []float32) {
	whole := len(x) &^ 15
	if whole > 0 {
		var halves *uint16
		if len(b.bf16) > 0 {
			halves = &b.bf16[t*b.stride]
		}
		f.bf16(&b.f32[t*b.stride], halves, &x[0], whole)
	}
	for i := whole; i < len(x); i++ {
		b.f32[t*b.stride+i] = block.FromBF16(block.BF16(x[i]))
	}
	b.putBF16(t, whole)
}

// interleave writes the token block of the eight tokens from t on.
func (f *loadFuncs) interleave(b *Activations, t int) {
	to, blocks := &b.tokenBlockOf(t)[0], b.cols/b.form.blockLen()
	switch d := &b.d[t*blocks]; b.form.codes() {
	case FormQ8_K:
		f.interleave256(to, d, &b.sums16[16*t*blocks], blocks)
	case FormQ8_1:
		f.interleave32(to, d, &b.s[t*blocks], &b.sums16[2*t*blocks], blocks)
	default:
		f.interleave32(to, d, nil, &b.sums16[2*t*blocks], blocks)
	}
}

// RoundBF16 rounds x to bfloat16, nearest even.
func (s *Set) RoundBF16(x []float32) {
	whole := 0
	if s.loads != nil {
		if whole = len(x) &^ 15; whole > 0 {
			s.loads.bf16(&x[0], nil, &x[0], whole)
		}
	}
	for i, v := range x[whole:] {
		x[whole+i] = block.FromBF16(block.BF16(v))
	}
}
