package encode

import (
	. "github.com/mmcloughlin/avo/build"
	. "github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/reg"

	. "bitmill/eval/kernel/_asm/machine"
)

// Rows generates what works on values in their order in the row: weights, levels, and the way between rows and
// tables. One vector of eight is enough here for every machine.
func Rows(m Machine) {
	signless := m.Bits("signless", 0x7fffffff)
	transpose(m)
	sums(m, "sumSquares", "squares", func(v reg.VecVirtual) { Mul(v, v, v) })
	sums(m, "sumMagnitudes", "magnitudes", func(v reg.VecVirtual) { And(v, v, signless) })
	emphasize(m)
	spread(m, signless)
	weights(m, "magnitudes", "sets w[i] = |x[i]| for n values, a multiple of 8.", func(v reg.VecVirtual) { And(v, v, signless) })
	weights(m, "squares", "sets w[i] = x[i]^2 for n values, a multiple of 8.", func(v reg.VecVirtual) { Mul(v, v, v) })
	r := rounding{m, m.Float("bias", 12582912), m.Bits("fraction", 0x7fffff), m.Bits("half", 0x400000)}
	r.levels("levelsQuotient", "(x + offset) / scale", true)
	r.levels("levelsProduct", "(x - offset) * scale", false)
}

// eight is the vectors of an 8x8 square turned over its diagonal.
func eight(m Machine, load func(i int) Mem) (out [8]reg.VecVirtual) {
	var a, b [8]reg.VecVirtual
	for i := range 8 {
		a[i] = m.Load(load(i))
	}
	for i := range 4 { // pairs of rows, interleaved
		b[2*i], b[2*i+1] = m.Vec(), m.Vec()
		VUNPCKLPS(a[2*i+1], a[2*i], b[2*i])
		VUNPCKHPS(a[2*i+1], a[2*i], b[2*i+1])
	}
	for i := range 2 { // fours of rows
		for k := range 2 {
			a[4*i+2*k], a[4*i+2*k+1] = m.Vec(), m.Vec()
			VSHUFPS(U8(0x44), b[4*i+2+k], b[4*i+k], a[4*i+2*k])
			VSHUFPS(U8(0xee), b[4*i+2+k], b[4*i+k], a[4*i+2*k+1])
		}
	}
	for i := range 4 {
		out[i], out[i+4] = m.Vec(), m.Vec()
		VPERM2F128(U8(0x20), a[i+4], a[i], out[i])
		VPERM2F128(U8(0x31), a[i+4], a[i], out[i+4])
	}
	return out
}

// strided addresses eight rows that lie stride bytes apart.
type strided struct{ first, fourth, stride, three reg.GPVirtual }

func newStrided(first, stride reg.GPVirtual) strided {
	s := strided{GP64(), GP64(), stride, GP64()}
	MOVQ(first, s.first)
	LEAQ(Mem{Base: stride, Index: stride, Scale: 2}, s.three)
	LEAQ(Mem{Base: first, Index: stride, Scale: 4}, s.fourth)
	return s
}

func (s strided) at(i int) Mem {
	base := s.first
	if i >= 4 {
		base = s.fourth
	}
	switch i % 4 {
	case 0:
		return Mem{Base: base}
	case 1:
		return Mem{Base: base, Index: s.stride, Scale: 1}
	case 2:
		return Mem{Base: base, Index: s.stride, Scale: 2}
	}
	return Mem{Base: base, Index: s.three, Scale: 1}
}

func (s strided) advance(n int) {
	ADDQ(U32(n), s.first)
	ADDQ(U32(n), s.fourth)
}

func transpose(m Machine) {
	m.Func("transpose", "func(dst, src *float32, columns, n int)",
		"turns columns sub-blocks of n values that follow each other in src (multiples of 8) into n rows of columns.")
	dst, src, columns, n := Arg("dst"), Arg("src"), Arg("columns"), Arg("n")
	row, length := GP64(), GP64()
	MOVQ(columns, row)
	SHLQ(Imm(2), row)
	MOVQ(n, length)
	SHLQ(Imm(2), length)
	Label("blocks")
	to, at, left := GP64(), newStrided(src, length), GP64()
	MOVQ(dst, to)
	MOVQ(n, left)
	Label("values")
	for _, v := range eight(m, at.at) {
		VMOVUPS(v, Mem{Base: to})
		ADDQ(row, to)
	}
	at.advance(32)
	SUBQ(Imm(8), left)
	JNZ(LabelRef("values"))
	LEAQ(Mem{Base: src, Index: length, Scale: 8}, src)
	ADDQ(Imm(32), dst)
	SUBQ(Imm(8), columns)
	JNZ(LabelRef("blocks"))
	m.Return()
}

func sums(m Machine, name, what string, f func(v reg.VecVirtual)) {
	m.Func(name, "func(dst, x *float32, n int)",
		"adds up the "+what+" of each of eight runs of n values (a multiple of 8) that follow each other in x.")
	dst, x, n := Arg("dst"), Arg("x"), Arg("n")
	length := GP64()
	MOVQ(n, length)
	SHLQ(Imm(2), length)
	at, sum := newStrided(x, length), m.Zero()
	Label("run")
	for _, v := range eight(m, at.at) {
		f(v)
		Add(sum, sum, v)
	}
	at.advance(32)
	SUBQ(Imm(8), n)
	JNZ(LabelRef("run"))
	VMOVUPS(sum, Mem{Base: dst})
	m.Return()
}

// along emits a loop over n values, eight at a time.
func along(label string, n reg.GPVirtual, body func(), pointers ...reg.GPVirtual) {
	Label(label)
	body()
	for _, p := range pointers {
		ADDQ(Imm(32), p)
	}
	SUBQ(Imm(8), n)
	JNZ(LabelRef(label))
}

func emphasize(m Machine) {
	m.Func("emphasize", "func(w, importance, x *float32, n int, variance float32)",
		"sets w[i] = importance[i] * sqrt(variance + x[i]^2) for n values, a multiple of 8.")
	w, importance, x, n := Arg("w"), Arg("importance"), Arg("x"), Arg("n")
	low, variance := XMM(), m.Vec()
	Load(Param("variance"), low)
	VBROADCASTSS(low, variance)
	along("values", n, func() {
		v := m.Load(Mem{Base: x})
		Mul(v, v, v)
		Add(v, variance, v)
		VSQRTPS(v, v)
		Mul(v, v, Mem{Base: importance})
		VMOVUPS(v, Mem{Base: w})
	}, w, importance, x)
	m.Return()
}

func weights(m Machine, name, doc string, f func(v reg.VecVirtual)) {
	m.Func(name, "func(w, x *float32, n int)", doc)
	w, x, n := Arg("w"), Arg("x"), Arg("n")
	along("values", n, func() {
		v := m.Load(Mem{Base: x})
		f(v)
		VMOVUPS(v, Mem{Base: w})
	}, w, x)
	m.Return()
}

// spread works on a table: columns are independent.
func spread(m Machine, signless Mem) {
	m.Func("spread", "func(w, x *float32, columns, n int, size float32)",
		"sets w = sqrt(sum of the column's x^2 / size) + |x| in n rows of columns, a multiple of 8.")
	w, x, columns, n := Arg("w"), Arg("x"), Arg("columns"), Arg("n")
	row := GP64()
	MOVQ(columns, row)
	SHLQ(Imm(2), row)
	low, size := XMM(), m.Vec()
	Load(Param("size"), low)
	VBROADCASTSS(low, size)
	Label("columns")
	each := func(label string, body func(index reg.GPVirtual)) {
		index, left := GP64(), GP64()
		XORQ(index, index)
		MOVQ(n, left)
		Label(label)
		body(index)
		ADDQ(row, index)
		DECQ(left)
		JNZ(LabelRef(label))
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
		And(v, v, signless)
		Add(v, sum, v)
		VMOVUPS(v, Mem{Base: w, Index: index, Scale: 1})
	})
	ADDQ(Imm(32), w)
	ADDQ(Imm(32), x)
	SUBQ(Imm(8), columns)
	JNZ(LabelRef("columns"))
	m.Return()
}

// rounding is nearest of round.go with all its bits.
type rounding struct {
	Machine
	bias, fraction, half Mem
}

func (r rounding) nearest(v reg.VecVirtual) {
	Add(v, v, r.bias)
	VPAND(r.fraction, v, v)
	VPSUBD(r.half, v, v)
}

// levels emits a function that rounds values to levels, sixteen at a time.
func (r rounding) levels(name, formula string, quotient bool) {
	r.Func(name, "func(q *byte, x, scale, offset *float32, count, n int, low, high int)",
		"sets q = clamp(nearest("+formula+"), low, high) - low for count sub-blocks of n values (a multiple of 16), each "+
			"with its scale and offset.")
	q, x, scale, offset, count, n := Arg("q"), Arg("x"), Arg("scale"), Arg("offset"), Arg("count"), Arg("n")
	bound := func(name string) reg.VecVirtual {
		g, v := GP64(), r.Vec()
		Load(Param(name), g)
		VMOVD(g.As32(), v.AsX())
		VPBROADCASTD(v.AsX(), v)
		return v
	}
	low, high := bound("low"), bound("high")
	Label("block")
	s, o, left := r.Broadcast(Mem{Base: scale}), r.Broadcast(Mem{Base: offset}), GP64()
	MOVQ(n, left)
	Label("values")
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
	ADDQ(Imm(64), x)
	ADDQ(Imm(16), q)
	SUBQ(Imm(16), left)
	JNZ(LabelRef("values"))
	ADDQ(Imm(4), scale)
	ADDQ(Imm(4), offset)
	DECQ(count)
	JNZ(LabelRef("block"))
	r.Return()
}
