package vector

import (
	"math"

	. "github.com/mmcloughlin/avo/build"
	. "github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/reg"

	. "bitmill/eval/kernel/_asm/machine"
)

// running is a part of a running softmax: rows of scores, each with its own number of scores that count.
type running struct {
	functions
	power               powerOfTwo
	x, vectors, at      reg.GPVirtual // a row, its whole vectors, and the position in it
	tail                reg.GPVirtual // how many scores follow the whole vectors
	mask                Mask
	factor, lowest, top reg.VecVirtual
}

// EmitRunning generates the part of a running softmax.
func EmitRunning(to Machine) {
	m := running{functions: functions{to}}
	name := map[bool]string{false: "addPartAVX2", true: "addPartAVX512"}[m.Wide()]
	Func(name, "func(x *float32, stride int, width int, seen *int32, rows int, factor float32, top *float32, "+
		"factors *float32, sum *float64)", "adds parts to running softmaxes: see AddPart; stride is in bytes.")
	m.x = Arg("x")
	stride, width, seen, rows := Arg("stride"), Arg("width"), Arg("seen"), Arg("rows")
	tops, factors, sums := Arg("top"), Arg("factors"), Arg("sum")
	m.factor, m.lowest = m.FloatArg("factor"), m.Load(Float(-math.MaxFloat32))
	m.power = m.powerOfTwo()
	Repeat("row", rows, func() {
		m.split(seen)
		f, old := m.Vec(), XMM()
		VMOVSS(Mem{Base: tops}, old)
		m.raiseTop(old)
		VMOVSS(m.top.AsX(), Mem{Base: tops})
		VSUBSS(m.top.AsX(), old, f.AsX()) // earlier sums are multiplied by its power
		m.power.of(f)
		VMOVSS(f.AsX(), Mem{Base: factors})

		acc := Fold(m.powers(), VADDPS)
		m.clear(width)
		total, scaled := XMM(), XMM()
		VCVTSS2SD(acc, acc, total)
		VCVTSS2SD(f.AsX(), f.AsX(), scaled)
		VFMADD132SD(Mem{Base: sums}, total, scaled)
		VMOVSD(scaled, Mem{Base: sums})
		ADDQ(stride, m.x)
		for _, q := range []reg.GPVirtual{seen, tops, factors} {
			ADDQ(Imm(4), q)
		}
	}, By(8, sums))
	End()
}

// split counts the whole vectors of a row and the scores behind them.
func (m *running) split(seen reg.GPVirtual) {
	m.vectors, m.tail, m.at = GP64(), GP64(), GP64()
	MOVLQSX(Mem{Base: seen}, m.tail)
	MOVQ(m.tail, m.vectors)
	SHRQ(Imm(map[bool]uint64{false: 3, true: 4}[m.Wide()]), m.vectors)
	ANDQ(Imm(uint64(m.Floats()-1)), m.tail)
	m.mask = m.First(m.tail)
}

// raiseTop sets top to the largest score times the factor, or old if that is larger.
func (m *running) raiseTop(old reg.VecVirtual) {
	most, rest, left := m.Vectors(2), m.Vec(), GP64()
	for _, v := range most {
		VMOVAPS(m.lowest, v)
	}
	MOVQ(m.x, m.at)
	MOVQ(m.vectors, left)
	SUBQ(Imm(2), left)
	JL(LabelRef("max_one"))
	Label("max")
	for i, v := range most {
		VMAXPS(Mem{Base: m.at, Disp: m.Bytes * i}, v, v)
	}
	ADDQ(U32(2*m.Bytes), m.at)
	SUBQ(Imm(2), left)
	JGE(LabelRef("max"))
	Label("max_one")
	ADDQ(Imm(2), left)
	JZ(LabelRef("max_tail"))
	VMAXPS(Mem{Base: m.at}, most[0], most[0])
	ADDQ(Imm(uint64(m.Bytes)), m.at)
	Label("max_tail")
	TESTQ(m.tail, m.tail)
	JZ(LabelRef("max_done"))
	m.Choose(rest, m.mask, m.Load(Mem{Base: m.at}), m.lowest)
	VMAXPS(rest, most[1], most[1])
	Label("max_done")
	VMAXPS(most[1], most[0], most[0])
	x := Fold(most[0], VMAXPS)
	m.top = m.Vec()
	VMULSS(x, m.factor.AsX(), x)
	VMAXSS(x, old, x)
	VBROADCASTSS(x, m.top)
}

// powers replaces scores by the powers of their distances from top, and returns sums of them.
func (m *running) powers() reg.VecVirtual {
	acc := m.Zero()
	vector := func(done func(t reg.VecVirtual)) {
		t := m.Load(Mem{Base: m.at})
		VFMSUB213PS(m.top, m.factor, t)
		m.power.of(t)
		done(t)
		VMOVUPS(t, Mem{Base: m.at})
		VADDPS(t, acc, acc)
		ADDQ(Imm(uint64(m.Bytes)), m.at)
	}
	MOVQ(m.x, m.at)
	TESTQ(m.vectors, m.vectors)
	JZ(LabelRef("power_tail"))
	Repeat("power", m.vectors, func() { vector(func(reg.VecVirtual) {}) })
	Label("power_tail")
	TESTQ(m.tail, m.tail)
	JZ(LabelRef("powers_done"))
	vector(func(t reg.VecVirtual) { m.Keep(t, m.mask, t) })
	Label("powers_done")
	return acc
}

// clear writes zeros from the position to the width.
func (m *running) clear(width reg.GPVirtual) {
	end, zero := GP64(), m.Zero()
	LEAQ(Mem{Base: m.x, Index: width, Scale: 4}, end)
	CMPQ(m.at, end)
	JGE(LabelRef("cleared"))
	Label("clear")
	VMOVUPS(zero, Mem{Base: m.at})
	ADDQ(Imm(uint64(m.Bytes)), m.at)
	CMPQ(m.at, end)
	JL(LabelRef("clear"))
	Label("cleared")
}

// powerOfTwo holds the constants of 2^x: x = n + r with n = floor(x), 2^x = 2^n * (1 + r*p(r)), p of degree 4 with the
// smallest greatest relative error of the whole (9e-8). Powers below 2^-126 are 0.
type powerOfTwo struct {
	functions
	poly []Op
}

func (m functions) powerOfTwo() powerOfTwo {
	p := powerOfTwo{functions: m}
	for _, v := range []float64{
		0.001867130213318159, 0.0090170300187981, 0.05579991332066152, 0.24016445009570767, 0.6931513118094635, 1,
	} {
		p.poly = append(p.poly, m.float(v))
	}
	return p
}

// of replaces t by its power of two.
func (p powerOfTwo) of(t reg.VecVirtual) {
	if p.Wide() {
		r := p.Vec()
		VREDUCEPS(U8(1), t, r) // t - floor(t); 0 for -Inf
		VSCALEFPS(t, p.polynomial(p.poly, r), t)
		return
	}
	whole, y := p.Vec(), p.Load(Float(-126))
	there := p.Compare(NotLess, t, y) // NaN stays
	VMAXPS(t, y, t)                   // the second operand, t, when it is NaN
	VROUNDPS(U8(9), t, whole)         // down
	VSUBPS(whole, t, t)
	y = p.polynomial(p.poly, t)
	VCVTPS2DQ(whole, whole)
	VPSLLD(U8(23), whole, whole)
	VPADDD(whole, y, y)
	p.Keep(t, there, y)
}
