package kernel

import "math"

// A panel repeats what a block knows of its tokens beside their codes, eight tokens side by side, for kernels that
// multiply eight at a time: [n/8][blocks][lines][8]. Lines of a block of 256 (FormQ8_K):
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
	panelTokens     = 8
	panelSuperWords = 30 * panelTokens
	panelSmallWords = 3 * panelTokens
)

// panelWords is the number of words of a block in a panel.
func (f Form) panelWords() int {
	switch f.codes() {
	case FormQ8_0, FormQ8_1:
		return panelSmallWords
	case FormQ8_K:
		return panelSuperWords
	}
	return 0
}

// interleave writes token t to the panel, and repeats scales of 256 codes.
func (b *Batch) interleave(t int) {
	if b.form == FormValuesQ8_K {
		s := b.s[t*b.cols/32:][:b.cols/32]
		for i := range s {
			s[i] = b.d[(t*b.cols/32+i)/8]
		}
	}
	if len(b.panel) == 0 {
		return
	}
	blocks, size := b.cols/b.form.Block(), b.form.panelWords()
	panel := b.panel[t/panelTokens*blocks*size:][:blocks*size]
	for i := range blocks {
		p := panel[i*size:][:size]
		at := t % panelTokens
		put := func(v int32) {
			p[at] = v
			at += panelTokens
		}
		put(int32(math.Float32bits(b.d[t*blocks+i])))
		if b.form.codes() != FormQ8_K {
			sums := b.sums16[2*(t*blocks+i):][:2]
			if b.form == FormQ8_1 {
				put(int32(math.Float32bits(b.s[t*blocks+i])))
			} else {
				put(-128 * (int32(sums[0]) + int32(sums[1])))
			}
			put(-128 * int32(sums[0]))
			continue
		}
		sums16, sums32 := b.sums16[16*(t*blocks+i):][:16], b.sums32[8*(t*blocks+i):][:8]
		all := int32(0)
		for g := 0; g < 8; g += 2 {
			put(int32(pair(sums32[g], sums32[g+1])))
			all += int32(sums32[g]) + int32(sums32[g+1])
		}
		for g := 0; g < 16; g += 2 {
			put(int32(pair(sums16[g], sums16[g+1])))
		}
		for _, v := range sums16 {
			put(-128 * int32(v))
		}
		put(-127 * all)
	}
}
