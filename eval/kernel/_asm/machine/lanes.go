package machine

import (
	. "github.com/mmcloughlin/avo/build"
	. "github.com/mmcloughlin/avo/operand"
)

// Operations: dst = a op b. b may be in memory (a of AndNot).

func Add(dst, a, b Op) { VADDPS(b, a, dst) }
func Sub(dst, a, b Op) { VSUBPS(b, a, dst) }
func Mul(dst, a, b Op) { VMULPS(b, a, dst) }
func Div(dst, a, b Op) { VDIVPS(b, a, dst) }

// Min is a < b ? a : b and Max a > b ? a : b: b when one is NaN or both are zeros.
func Min(dst, a, b Op) { VMINPS(b, a, dst) }
func Max(dst, a, b Op) { VMAXPS(b, a, dst) }

// Between is dst = min(max(a, 0), top) for integral values, and Within min(max(a, low), high) with low < 0 <= high.
// Bits of negative floats are negative integers, and the larger without a sign the further down; others are ordered
// like integers. Integer units are free when those of floats are not.
func Between(dst, a, top, zero Op) {
	NotBelow(dst, a, zero)
	VPMINSD(top, dst, dst)
}

// NotBelow is Between without a top.
func NotBelow(dst, a, zero Op) { VPMAXSD(zero, a, dst) }

func Within(dst, a, low, high Op) {
	VPMINUD(low, a, dst)
	NotAbove(dst, dst, high)
}

// NotAbove is Within without a low.
func NotAbove(dst, a, high Op) { VPMINSD(high, a, dst) }

// Round rounds to the nearest integer, ties to even.
func (m Machine) Round(dst, a Op) {
	if m.Wide() {
		VRNDSCALEPS(U8(8), a, dst)
		return
	}
	VROUNDPS(U8(8), a, dst)
}

// And, AndNot (a and not b) and Or work on bits.
func And(dst, a, b Op)    { VANDPS(b, a, dst) }
func AndNot(dst, a, b Op) { VANDNPS(a, b, dst) }
func Or(dst, a, b Op)     { VORPS(b, a, dst) }

// Xor is dst = a xor b.
func Xor(dst, a, b Op) { VXORPS(b, a, dst) }

// PAnd and POr are And and Or in the units of integers, from where a way to those of floats and back would take cycles.
func (m Machine) PAnd(dst, a, b Op) {
	if m.Wide() {
		VPANDD(b, a, dst)
	} else {
		VPAND(b, a, dst)
	}
}

func (m Machine) POr(dst, a, b Op) {
	if m.Wide() {
		VPORD(b, a, dst)
	} else {
		VPOR(b, a, dst)
	}
}
