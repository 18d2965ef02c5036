package encode

import (
	. "github.com/mmcloughlin/avo/build"
	. "github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/reg"

	. "bitmill/eval/kernel/_asm/machine"
)

// Values generates what works on values in the order of the row: weights, levels, and the conversion between rows and
// tables. Vectors of eight are fast enough here on every machine.
func Values(m Machine) {
	transpose(m)
	sums(m, "sumSquares", "squares", func(v reg.VecVirtual) { Mul(v, v, v) })
	sums(m, "sumMagnitudes", "magnitudes", func(v reg.VecVirtual) { And(v, v, signless()) })
	importanceWeights(m)
	spread(m)
	weights(m, "magnitudes", "|x[i]|", func(v reg.VecVirtual) { And(v, v, signless()) })
	weights(m, "squares", "x[i]^2", func(v reg.VecVirtual) { Mul(v, v, v) })
	r := rounding{m}
	r.levels("levelsQuotient", "(x + offset) / scale", true)
	r.levels("levelsProduct", "(x - offset) * scale", false)
}

func transpose(m Machine) {
	m.Func("transpose", "func(dst, src *float32, columns, n int)",
		"turns columns sub-blocks of n values that follow each other in src (multiples of 8) into n rows of columns.")
	dst, src, columns, n := Arg("dst"), Arg("src"), Arg("columns"), Arg("n")
	row, length := Copy(columns), Copy(n)
	SHLQ(Imm(2), row)
	SHLQ(Imm(2), length)
	Loop("blocks", columns, 8, func() {
		to, at := Copy(dst), NewRows(Copy(src), length, 8)
		Loop("values", Copy(n), 8, func() {
			for _, v := range at.Columns() {
				VMOVUPS(v, Mem{Base: to})
				ADDQ(row, to)
			}
			at.Advance(32)
		})
		LEAQ(Mem{Base: src, Index: length, Scale: 8}, src)
	}, By(32, dst))
	End()
}

func sums(m Machine, name, what string, f func(v reg.VecVirtual)) {
	m.Func(name, "func(dst, x *float32, n int)",
		"adds up the "+what+" of each of eight runs of n values (a multiple of 8) that follow each other in x.")
	dst, x, n := Arg("dst"), Arg("x"), Arg("n")
	length := Copy(n)
	SHLQ(Imm(2), length)
	at, sum := NewRows(Copy(x), length, 8), m.Zero()
	Loop("run", n, 8, func() {
		for _, v := range at.Columns() {
			f(v)
			Add(sum, sum, v)
		}
		at.Advance(32)
	})
	VMOVUPS(sum, Mem{Base: dst})
	End()
}

func importanceWeights(m Machine) {
	m.Func("importanceWeights", "func(w, importance, x *float32, n int, variance float32)",
		"sets w[i] = importance[i] * sqrt(variance + x[i]^2) for n values, a multiple of 8.")
	w, importance, x, n := Arg("w"), Arg("importance"), Arg("x"), Arg("n")
	variance := m.FloatArg("variance")
	Loop("values", n, 8, func() {
		v := m.Load(Mem{Base: x})
		Mul(v, v, v)
		Add(v, variance, v)
		VSQRTPS(v, v)
		Mul(v, v, Mem{Base: importance})
		VMOVUPS(v, Mem{Base: w})
	}, By(32, w, importance, x))
	End()
}

func weights(m Machine, name, formula string, f func(v reg.VecVirtual)) {
	m.Func(name, "func(w, x *float32, n int)", "sets w[i] = "+formula+" for n values, a multiple of 8.")
	w, x, n := Arg("w"), Arg("x"), Arg("n")
	Loop("values", n, 8, func() {
		v := m.Load(Mem{Base: x})
		f(v)
		VMOVUPS(v, Mem{Base: w})
	}, By(32, w, x))
	End()
}

// spread works on a table: columns are independent.
func spread(m Machine) {
	m.Func("spread", "func(w, x *float32, columns, n int, size float32)",
		"sets w = sqrt(sum of the column's x^2 / size) + |x| in n rows of columns, a multiple of 8.")
	w, x, columns, n := Arg("w"), Arg("x"), Arg("columns"), Arg("n")
	row := Copy(columns)
	SHLQ(Imm(2), row)
	size := m.FloatArg("size")
	Loop("columns", columns, 8, func() {
		each := func(label string, body func(index reg.GPVirtual)) {
			index := GP64()
			XORQ(index, index)
			Repeat(label, Copy(n), func() {
				body(index)
				ADDQ(row, index)
			})
		}
		sum := m.Zero()
		each("sum", func(index reg.GPVirtual) {
			v := m.Load(Mem{Base: x, Index: index, Scale: 1})
			Mul(v, v, v)
			Add(sum, sum, v)
		})
		Div(sum, sum, size)
		VSQRTPS(sum, sum)
		each("weights", func(index reg.GPVirtual) {
			v := m.Load(Mem{Base: x, Index: index, Scale: 1})
			And(v, v, signless())
			Add(v, sum, v)
			VMOVUPS(v, Mem{Base: w, Index: index, Scale: 1})
		})
	}, By(32, w, x))
	End()
}

// rounding computes nearest of round.go, exactly as plain Go does.
type rounding struct{ Machine }

func (r rounding) nearest(v reg.VecVirtual) {
	Add(v, v, Float(12582912))
	VPAND(Bits(0x7fffff), v, v)
	VPSUBD(Bits(0x400000), v, v)
}

// levels emits a function that rounds values to levels, sixteen at a time.
func (r rounding) levels(name, formula string, quotient bool) {
	r.Func(name, "func(q *byte, x, scale, offset *float32, count, n int, low, high int)",
		"sets q = clamp(nearest("+formula+"), low, high) - low for count sub-blocks of n values (a multiple of 16), each "+
			"with its scale and offset.")
	q, x, scale, offset, count, n := Arg("q"), Arg("x"), Arg("scale"), Arg("offset"), Arg("count"), Arg("n")
	low, high := r.IntArg("low"), r.IntArg("high")
	Repeat("block", count, func() {
		s, o, left := r.Broadcast(Mem{Base: scale}), r.Broadcast(Mem{Base: offset}), GP64()
		MOVQ(n, left)
		Loop("values", left, 16, func() {
			var v [2]reg.VecVirtual
			for i := range v {
				v[i] = r.Load(Mem{Base: x, Disp: 32 * i})
				if quotient {
					Add(v[i], v[i], o)
					Div(v[i], v[i], s)
				} else {
					Sub(v[i], v[i], o)
					Mul(v[i], s, v[i])
				}
				r.nearest(v[i])
				VPMINSD(high, v[i], v[i])
				VPMAXSD(low, v[i], v[i])
				VPSUBD(low, v[i], v[i])
			}
			VPACKSSDW(v[1], v[0], v[0]) // 0..3 8..11 4..7 12..15
			VPERMQ(U8(0xd8), v[0], v[0])
			upper := XMM()
			VEXTRACTI128(U8(1), v[0], upper)
			VPACKUSWB(upper, v[0].AsX(), upper)
			VMOVDQU(upper, Mem{Base: q})
		}, By(64, x), By(16, q))
	}, By(4, scale, offset))
	End()
}
