package kernel

// Up to rowTokens tokens are multiplied row by row; up to fullTokens where there are tiles of all columns (AVX-512).
// Measured on a Zen 4 core with 64 x 2048 weights, in ns per weight: rows for one token, and tiles for up to eight
// tokens:
//
//	         F16        BF16       Q8_0       Q3_K       Q4_K       Q6_K
//	avx2     .035 .30   .035 .30   .035 .26
//	avx512   .035 .30   .035 .11   .027 .08   .023 .08   .021 .08   .022 .08
//
// The other types take, with AVX-512, .02 (Q4_0, Q4_1, IQ4_NL, MXFP4, Q1_0, Q2_0) to .04 (Q5_0, IQ4_XS, NVFP4), with
// AVX2 .025 to .04; with either TQ2_0 takes .012, TQ1_0 .03, codebooks of eight .055 to .065, of four .07 to .09.
const (
	rowTokens  = 8
	fullTokens = 3
)

// rowScratch holds data of the activations in the order in which functions for rows need them.
type rowScratch struct {
	sums     []int16
	scales   []float32
	offsets  [][4]int32 // only the first of four is not zero
	codes    []int8
	starts   []int32 // what integer sums begin with
	sixteens [][16]float32
	signed   signedCodes
	rest     [16]float32 // columns of a row that fill no vector
}

// negate fills sums with the negated sums of 16 activation codes, or, for groups of 32, with eight zeros and the
// negated sums of a block of 256.
func (s *rowScratch) negate(x *Activations, group int) {
	s.sums = grow(s.sums, x.n*x.cols/16)
	if group == 16 {
		for i, v := range x.sums16[:len(s.sums)] {
			s.sums[i] = -v
		}
		return
	}
	for i := 0; i < len(s.sums); i += 16 {
		to := s.sums[i : i+16]
		clear(to[:8])
		for g, v := range x.sums32[i/2 : i/2+8] {
			to[8+g] = -v
		}
	}
}

// sumCode4s fills starts with -offset times the sums of four activation codes, of tokens stride apart.
func (s *rowScratch) sumCode4s(x *Activations, codes []int8, stride, offset int) {
	s.starts = grow(s.starts, x.n*x.cols/4)
	for t := range x.n {
		codes, starts := codes[t*stride:][:x.cols], s.starts[t*x.cols/4:][:x.cols/4]
		for i := range starts {
			q := (*[4]int8)(codes[4*i:])
			starts[i] = -int32(offset) * (int32(q[0]) + int32(q[1]) + int32(q[2]) + int32(q[3]))
		}
	}
}

// multiplyScales fills scales with the scales of blocks times f.
func (s *rowScratch) multiplyScales(x *Activations, f float32) {
	s.scales = grow(s.scales, x.n*x.cols/256)
	for i := range s.scales {
		s.scales[i] = x.d[i] * f
	}
}

// repeat fills sixteens with the scale of every eight fours of codes, two blocks of 32.
func (s *rowScratch) repeat(x *Activations) {
	s.sixteens = grow(s.sixteens, x.n*x.cols/64)
	for i := range s.sixteens {
		for k := range s.sixteens[i] {
			s.sixteens[i][k] = x.d[2*i+k/8]
		}
	}
}

// pair fills scales with the scale and the scaled sum (FormQ8_1) of every block of 32 activations, of four blocks at
// once where there are four: first the scales, then the sums. offsets get the blocks' sums of codes times -offset.
func (s *rowScratch) pair(x *Activations, offset int, four bool) {
	blocks := x.cols / 32
	s.scales, s.offsets = grow(s.scales, 2*x.n*blocks), grow(s.offsets, x.n*blocks)
	for i := range s.offsets {
		d, sum := 2*i, 2*i+1
		if b := i % blocks; four && b < blocks&^3 {
			d = 2*i - b%4
			sum = d + 4
		}
		s.scales[d], s.scales[sum] = x.d[i], 0
		if x.form == FormQ8_1 {
			s.scales[sum] = x.s[i]
			continue
		}
		s.offsets[i][0] = -int32(offset) * (int32(x.sums16[2*i]) + int32(x.sums16[2*i+1]))
	}
}
