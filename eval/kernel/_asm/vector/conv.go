package vector

import (
	"fmt"

	. "github.com/mmcloughlin/avo/build"
	. "github.com/mmcloughlin/avo/operand"

	. "bitmill/eval/kernel/_asm/machine"
)

// EmitConv generates causal convolutions of the usual sizes.
func EmitConv(to Machine) {
	for size := 2; size <= 4; size++ {
		functions{to}.conv(size)
	}
}

// conv goes down the rows, a vector of channels at a time, with the last rows in registers.
func (m functions) conv(size int) {
	m.Func(fmt.Sprint("conv", size), "func(dst *float32, dstStride int, x *float32, stride int, rows int, "+
		"window *float32, taps *float32, width int, n int)",
		"convolves n channels of so many rows: see Convolve; strides and width are in bytes.")
	dst, x, window, taps := Arg("dst"), Arg("x"), Arg("window"), Arg("taps")
	dstStride, stride, width, rows := Arg("dstStride"), Arg("stride"), Arg("width"), Arg("rows")
	m.loop(func() {
		tap, last := m.Vectors(size), m.Vectors(size-1)
		at := Copy(taps)
		for i := range tap {
			VMOVUPS(Mem{Base: at}, tap[i])
			ADDQ(width, at)
		}
		at = Copy(window)
		for i := range last {
			VMOVUPS(Mem{Base: at}, last[i])
			ADDQ(width, at)
		}
		from, to := Copy(x), Copy(dst)
		Repeat("row", Copy(rows), func() {
			y, part, next := m.Vec(), m.Vec(), m.Load(Mem{Base: from})
			VMULPS(tap[0], last[0], y)
			for i, v := range append(last[1:len(last):len(last)], next) {
				VMULPS(tap[i+1], v, part)
				VADDPS(part, y, y)
			}
			VMOVUPS(y, Mem{Base: to})
			for i := range last[1:] {
				VMOVAPS(last[i+1], last[i])
			}
			VMOVAPS(next, last[len(last)-1])
			ADDQ(stride, from)
			ADDQ(dstStride, to)
		})
		at = Copy(window)
		for _, v := range last {
			VMOVUPS(v, Mem{Base: at})
			ADDQ(width, at)
		}
	}, dst, x, window, taps)
	End()
}
