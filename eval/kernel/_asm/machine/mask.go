package machine

import (
	. "github.com/mmcloughlin/avo/build"
	. "github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/reg"
)

// Comparisons.
const (
	Less            = U8(17) // false with NaN, as are the next three
	LessEqual       = U8(18)
	Greater         = U8(30)
	Equal           = U8(0)
	NotEqual        = U8(4)  // true with NaN
	NotLess         = U8(21) // true with NaN
	NotGreater      = U8(26) // true with NaN
	NotGreaterEqual = U8(25) // true with NaN
)

// Mask tells some lanes from the others: a vector with all bits of a lane set, or a mask register with AVX-512.
type Mask = reg.Register

func (m Machine) mask() Mask {
	if m.Wide() {
		return K()
	}
	return YMM()
}

// Compare returns the lanes where a op b holds.
func (m Machine) Compare(op U8, a, b Op) Mask {
	mask := m.mask()
	VCMPPS(op, b, a, mask)
	return mask
}

// Nothing returns a mask without lanes.
func (m Machine) Nothing() Mask {
	mask := m.mask()
	if m.Wide() {
		KXORW(mask, mask, mask)
	} else {
		Clear(mask)
	}
	return mask
}

// Both, Either and Except (a, but not b) combine masks: dst = a op b.
func (m Machine) Both(dst, a, b Mask) {
	if m.Wide() {
		KANDW(a, b, dst)
		return
	}
	And(dst, a, b)
}

func (m Machine) Either(dst, a, b Mask) {
	if m.Wide() {
		KORW(a, b, dst)
		return
	}
	Or(dst, a, b)
}

func (m Machine) Except(dst, a, b Mask) {
	if m.Wide() {
		KANDNW(a, b, dst)
		return
	}
	AndNot(dst, a, b)
}

// Choose is dst = mask ? a : b.
func (m Machine) Choose(dst reg.VecVirtual, mask Mask, a, b Op) {
	if m.Wide() {
		VBLENDMPS(a, b, mask, dst)
		return
	}
	VBLENDVPS(mask, a, b, dst)
}

// Keep is dst = mask ? a : 0.
func (m Machine) Keep(dst reg.VecVirtual, mask Mask, a Op) {
	if m.Wide() {
		VMOVAPS_Z(a, mask, dst)
		return
	}
	And(dst, mask, a)
}

// Drop is dst = mask ? 0 : a.
func (m Machine) Drop(dst reg.VecVirtual, mask Mask, a Op) {
	if m.Wide() {
		rest := K()
		KNOTW(mask, rest)
		VMOVAPS_Z(a, rest, dst)
		return
	}
	AndNot(dst, a, mask)
}

// StoreMask writes a mask as a vector with all bits of a lane set, LoadMask reads one.
func (m Machine) StoreMask(mask Mask, to Mem) {
	if m.Wide() {
		v := m.Vec()
		VPMOVM2D(mask, v)
		VMOVUPS(v, to)
		return
	}
	VMOVUPS(mask, to)
}

func (m Machine) LoadMask(from Mem) Mask {
	v := m.Load(from)
	if m.Wide() {
		k := K()
		VPMOVD2M(v, k)
		return k
	}
	return v
}

// Any sets the flags: NZ where the mask has a lane.
func (m Machine) Any(mask Mask) {
	if m.Wide() {
		KORTESTW(mask, mask)
		return
	}
	g := GP32()
	VMOVMSKPS(mask, g)
	TESTL(g, g)
}

// First returns the first n lanes, n less than there are.
func (m Machine) First(n reg.GPVirtual) Mask {
	mask, at, table := m.mask(), GP64(), GP64()
	if m.Wide() {
		MOVQ(U32(1), at)
		SHLXQ(n, at, at)
		DECQ(at)
		KMOVW(at.As32(), mask)
		return mask
	}
	// Eight lanes of ones, then eight of zeros: n ones begin 8-n lanes behind the start.
	LEAQ(Table32("first_lanes", 16, func(i int) uint32 { return uint32(i/8) - 1 }), table)
	MOVQ(U32(8), at)
	SUBQ(n, at)
	VMOVUPS(Mem{Base: table, Index: at, Scale: 4}, mask)
	return mask
}
