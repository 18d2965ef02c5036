package vector

import (
	. "github.com/mmcloughlin/avo/build"
	. "github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/reg"

	. "bitmill/eval/kernel/_asm/machine"
	"bitmill/eval/kernel/layout"
)

// chains is how many rows have sums of their own, so that an addition need not wait for the one before it.
const chains = 4

// delta is a step of the gated delta rule on panels of a state.
type delta struct {
	functions
	vectors              int // in a row of a panel
	rows                 reg.GPVirtual
	s, k, q, row, ki, qi reg.GPVirtual
}

// EmitDelta generates the step.
func EmitDelta(to Machine) {
	m := delta{functions: functions{to}, vectors: layout.Vector / to.Bytes}
	m.Func("deltaStep", "func(state *float32, k *float32, q *float32, rows int, v *float32, y *float32, panels int, "+
		"decay float32, beta float32)", "advances the panels of a state by a token: see DeltaStep.")
	m.s, m.k, m.q, m.rows = Arg("state"), Arg("k"), Arg("q"), Arg("rows")
	v, y := Arg("v"), Arg("y")
	decay, beta := m.FloatArg("decay"), m.FloatArg("beta")
	Repeat("panel", Arg("panels"), func() {
		d := m.read()
		for i, d := range d { // beta*(v - decay*d)
			VFNMADD213PS(Mem{Base: v, Disp: i * m.Bytes}, decay, d)
			VMULPS(beta, d, d)
		}
		for i, sum := range m.write(d, decay) {
			VMOVUPS(sum, Mem{Base: y, Disp: i * m.Bytes})
		}
		MOVQ(m.row, m.s)
	}, By(layout.Vector, v, y))
	End()
}

// read returns the panel's columns times k.
func (m *delta) read() []reg.VecVirtual {
	return m.pass("read", func(i, at int, acc []reg.VecVirtual) {
		x := m.Broadcast(Mem{Base: m.ki, Disp: 4 * i})
		for v := range acc {
			VFMADD231PS(Mem{Base: m.row, Disp: at + v*m.Bytes}, x, acc[v])
		}
	})
}

// write advances the panel, and returns its new columns times q.
func (m *delta) write(d []reg.VecVirtual, decay reg.VecVirtual) []reg.VecVirtual {
	return m.pass("write", func(i, at int, acc []reg.VecVirtual) {
		k, q := m.Broadcast(Mem{Base: m.ki, Disp: 4 * i}), m.Broadcast(Mem{Base: m.qi, Disp: 4 * i})
		for v := range acc {
			s, to := m.Vec(), Mem{Base: m.row, Disp: at + v*m.Bytes}
			VMULPS(to, decay, s)
			VFMADD231PS(k, d[v], s)
			VMOVUPS(s, to)
			VFMADD231PS(q, s, acc[v])
		}
	})
}

// pass goes over the rows of a panel and returns the sums.
func (m *delta) pass(name string, body func(i, at int, acc []reg.VecVirtual)) []reg.VecVirtual {
	m.row, m.ki, m.qi = Copy(m.s), Copy(m.k), Copy(m.q)
	sums := make([][]reg.VecVirtual, chains)
	for c := range sums {
		sums[c] = m.Zeros(m.vectors)
	}
	Unrolled(name, Copy(m.rows), 1, chains, func(times int) {
		for i := range times {
			body(i, i*layout.Vector, sums[i])
		}
		ADDQ(U32(times*layout.Vector), m.row)
		ADDQ(U32(4*times), m.ki)
		ADDQ(U32(4*times), m.qi)
	})
	for step := chains / 2; step > 0; step /= 2 {
		for c := range step {
			for v := range m.vectors {
				VADDPS(sums[c+step][v], sums[c][v], sums[c][v])
			}
		}
	}
	return sums[0]
}
