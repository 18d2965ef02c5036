package vector

import (
	. "github.com/mmcloughlin/avo/build"
	. "github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/reg"

	. "bitmill/eval/kernel/_asm/machine"
)

// lower is the lower half of a vector.
func (m functions) lower(v reg.VecVirtual) reg.Register {
	if m.Wide() {
		return v.AsY()
	}
	return v.AsX()
}

// half is a new register of half a vector.
func (m functions) half() reg.VecVirtual {
	if m.Wide() {
		return YMM()
	}
	return XMM()
}

// doubles widens float32 to two vectors of float64.
func (m functions) doubles(x reg.VecVirtual) [2]reg.VecVirtual {
	d, top := [2]reg.VecVirtual{m.Vec(), m.Vec()}, m.half()
	if m.Wide() {
		VEXTRACTF64X4(U8(1), x, top)
	} else {
		VEXTRACTF128(U8(1), x, top)
	}
	VCVTPS2PD(m.lower(x), d[0])
	VCVTPS2PD(top, d[1])
	return d
}

// singles narrows two vectors of float64.
func (m functions) singles(d [2]reg.VecVirtual) reg.VecVirtual {
	x, top := m.Vec(), m.half()
	if m.Wide() {
		VCVTPD2PS(d[0], m.lower(x))
		VCVTPD2PS(d[1], top)
		VINSERTF64X4(U8(1), top, x, x)
	} else {
		VCVTPD2PSY(d[0], m.lower(x))
		VCVTPD2PSY(d[1], top)
		VINSERTF128(U8(1), top, x, x)
	}
	return x
}

// returnSum adds up the lanes of two vectors of float64 and returns.
func (m functions) returnSum(acc []reg.VecVirtual) {
	VADDPD(acc[1], acc[0], acc[0])
	y := acc[0]
	if m.Wide() {
		y = YMM()
		VEXTRACTF64X4(U8(1), acc[0], y)
		VADDPD(acc[0].AsY(), y, y)
	}
	x := XMM()
	VEXTRACTF128(U8(1), y.AsY(), x)
	VADDPD(x, y.AsX(), x)
	VHADDPD(x, x, x)
	Store(x, ReturnIndex(0))
	End()
}
