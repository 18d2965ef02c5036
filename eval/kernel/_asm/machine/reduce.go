package machine

import (
	. "github.com/mmcloughlin/avo/build"
	. "github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/reg"
)

// Fold returns what op makes of all lanes of 32 bits, in the first lane: of halves first, of neighbours last.
func Fold(v reg.VecVirtual, op func(ops ...Op)) reg.VecVirtual {
	x, t := XMM(), XMM()
	if v.Size() == 64 {
		y := YMM()
		VEXTRACTF64X4(U8(1), v, y)
		op(v.AsY(), y, y)
		VEXTRACTF32X4(U8(1), y, x)
		v = y
	} else {
		VEXTRACTF128(U8(1), v, x)
	}
	op(v.AsX(), x, x)
	VPERMILPS(U8(0x4e), x, t)
	op(t, x, x)
	VPERMILPS(U8(0xb1), x, t)
	op(t, x, x)
	return x
}

// Across leaves what op makes of all lanes of a vector of eight in every lane of it.
func Across(v reg.VecVirtual, op func(ops ...Op)) {
	t := YMM()
	VPERM2F128(U8(1), v, v, t)
	op(t, v, v)
	VPERMILPS(U8(0x4e), v, t)
	op(t, v, v)
	VPERMILPS(U8(0xb1), v, t)
	op(t, v, v)
}
