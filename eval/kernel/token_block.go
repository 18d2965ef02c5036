package kernel

import (
	"math"

	"bitmill/eval/kernel/layout"
)

// A token block repeats what the blocks of eight tokens hold beside their codes, the tokens side by side, for kernels
// that multiply eight tokens at a time: [n/8][blocks][lines][8]. Lines of a block of 256 (FormQ8_K):
//
//	 0      scales, as float32
//	 1- 4   sums of 32 codes, pairs of int16
//	 5-12   sums of 16 codes, pairs of int16
//	13-28   sums of 16 codes times -128
//	29      the sum of all codes times -127
//
// Lines of a block of 32 (FormQ8_0, FormQ8_1):
//
//	0      scales, as float32
//	1      FormQ8_1: s, as float32; FormQ8_0: the sum of codes times -128
//	2      the sum of the first 16 codes times -128
const (
	BlockTokens      = layout.BlockTokens
	kquantTokenWords = layout.TokenKQuantRecord / 4
	legacyTokenWords = layout.TokenLegacyRecord / 4
)

// tokenBlockWords is the number of words that a block has in a token block.
func (f ActivationForm) tokenBlockWords() int {
	switch f.codes() {
	case FormQ8_0, FormQ8_1:
		return legacyTokenWords
	case FormQ8_K:
		return kquantTokenWords
	}
	return 0
}

// putTokenBlock writes tokens [t0, t1), which lie in one token block, to it, and repeats the scales of 256 codes in s.
func (b *Activations) putTokenBlock(s *Set, t0, t1 int) {
	if b.form == FormValuesQ8_K {
		for t := t0; t < t1; t++ {
			scales := b.s[t*b.cols/32:][:b.cols/32]
			for i := range scales {
				scales[i] = b.d[(t*b.cols/32+i)/8]
			}
		}
	}
	switch {
	case len(b.tokenBlocks) == 0 || b.cols == 0:
	case t1-t0 == BlockTokens && s.loads != nil:
		s.loads.interleave(b, t0)
	default:
		for t := t0; t < t1; t++ {
			b.interleave(t)
		}
	}
}

// tokenBlockOf is the token block of token t.
func (b *Activations) tokenBlockOf(t int) []int32 {
	size := b.cols / b.form.blockLen() * b.form.tokenBlockWords()
	return b.tokenBlocks[t/BlockTokens*size:][:size]
}

// interleave writes token t to its token block.
func (b *Activations) interleave(t int) {
	if len(b.tokenBlocks) == 0 {
		return
	}
	to, lane := b.tokenBlockOf(t), t%BlockTokens
	blocks := b.cols / b.form.blockLen()
	d := b.d[t*blocks:][:blocks]
	if b.form.codes() == FormQ8_K {
		for i := range d {
			at := t*blocks + i
			interleaveKQuant((*[kquantTokenWords]int32)(to[i*kquantTokenWords:]), lane, d[i],
				(*[16]int16)(b.sums16[16*at:]), (*[8]int16)(b.sums32[8*at:]))
		}
		return
	}
	sums := b.sums16[2*t*blocks:][:2*blocks]
	for i := range d {
		p := (*[legacyTokenWords]int32)(to[i*legacyTokenWords:])
		first, second := int32(sums[2*i]), int32(sums[2*i+1])
		p[lane] = int32(math.Float32bits(d[i]))
		p[layout.TokenS/4+lane] = -layout.Full * (first + second)
		p[layout.TokenFirst/4+lane] = -layout.Full * first
	}
	if b.form == FormQ8_1 {
		for i, s := range b.s[t*blocks:][:blocks] {
			to[i*legacyTokenWords+layout.TokenS/4+lane] = int32(math.Float32bits(s))
		}
	}
}

// interleaveKQuant writes what a block of 256 codes knows to a lane.
func interleaveKQuant(p *[kquantTokenWords]int32, lane int, d float32, sums16 *[16]int16, sums32 *[8]int16) {
	lane &= BlockTokens - 1 // saves the checks of every index
	p[lane] = int32(math.Float32bits(d))
	all := int32(0)
	for g := range 4 {
		a, b := sums32[2*g], sums32[2*g+1]
		p[layout.TokenPairs32/4+g*BlockTokens+lane] = int32(pair(a, b))
		all += int32(a) + int32(b)
	}
	for g := range 8 {
		a, b := sums16[2*g], sums16[2*g+1]
		p[layout.TokenPairs16/4+g*BlockTokens+lane] = int32(pair(a, b))
		p[layout.TokenOffsets/4+2*g*BlockTokens+lane] = -layout.Full * int32(a)
		p[layout.TokenOffsets/4+(2*g+1)*BlockTokens+lane] = -layout.Full * int32(b)
	}
	p[layout.TokenAll/4+lane] = -layout.Folded * all
}
