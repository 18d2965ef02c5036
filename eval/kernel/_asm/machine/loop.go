package machine

import (
	. "github.com/mmcloughlin/avo/build"
	. "github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/reg"
)

// Loop emits a loop over n things, per at a time: n is a multiple of per and not zero, and is 0 afterwards. Pointers
// move on at the end of each round.
func Loop(label string, n reg.Register, per int, body func(), moves ...Move) {
	Label(label)
	body()
	for _, m := range moves {
		for _, p := range m.pointers {
			ADDQ(immediate(m.bytes), p)
		}
	}
	if per == 1 {
		DECQ(n)
	} else {
		SUBQ(immediate(per), n)
	}
	JNZ(LabelRef(label))
}

// Repeat is Loop, one at a time.
func Repeat(label string, n reg.Register, body func(), moves ...Move) {
	Loop(label, n, 1, body, moves...)
}

// Move is how far pointers move on.
type Move struct {
	bytes    int
	pointers []reg.Register
}

// By moves pointers on by so many bytes.
func By(bytes int, pointers ...reg.Register) Move { return Move{bytes, pointers} }

// immediate is the shortest operand for a number, which is not negative.
func immediate(n int) Op {
	if n < 128 {
		return U8(n)
	}
	return U32(n)
}

// Copy is a new register with the same number as a register, or with a constant.
func Copy(v Op) reg.GPVirtual {
	c := GP64()
	MOVQ(v, c)
	return c
}

// Unrolled emits a loop over n things, which may be none, as long as there are enough unroll times per at once, then per at
// a time. n is 0 afterwards.
func Unrolled(label string, n reg.Register, per, unroll int, body func(times int)) {
	SUBQ(immediate(unroll*per), n)
	JL(LabelRef(label + "_rest"))
	Label(label + "_unrolled")
	body(unroll)
	SUBQ(immediate(unroll*per), n)
	JGE(LabelRef(label + "_unrolled"))
	Label(label + "_rest")
	ADDQ(immediate(unroll*per), n)
	JZ(LabelRef(label + "_end"))
	Loop(label+"_single", n, per, func() { body(1) })
	Label(label + "_end")
}
