package row

import (
	"fmt"

	. "github.com/mmcloughlin/avo/build"
	. "github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/reg"

	"bitmill/eval/kernel/_asm/machine"
)

// Float is a type of plain numbers.
type Float struct {
	Name  string
	bytes int
	// fuse adds numbers times activations to acc.
	fuse func(s ISA, w, x Mem, acc reg.VecVirtual)
}

// Floats are the types of plain numbers.
var Floats = []Float{
	{"F32", 4, func(s ISA, w, x Mem, acc reg.VecVirtual) {
		y := s.vec()
		VMOVUPS(w, y)
		VFMADD231PS(x, y, acc)
	}},
	{"F16", 2, func(s ISA, w, x Mem, acc reg.VecVirtual) {
		y := s.vec()
		VCVTPH2PS(w, y)
		VFMADD231PS(x, y, acc)
	}},
	{"BF16", 2, func(s ISA, w, x Mem, acc reg.VecVirtual) {
		y := s.vec()
		VPMOVZXWD(w, y)
		VPSLLD(U8(16), y, y)
		VFMADD231PS(x, y, acc)
	}},
}

const floatSignature = "func(dst *float32, w *byte, rows, stride, n int, x *float32)"

// Emit generates the type's kernel.
func (t Float) Emit(s ISA) {
	name := "row" + t.Name + s.Name
	machine.Kernel(name, floatSignature, fmt.Sprintf("%s multiplies the first n columns, a multiple of 16, of %s rows stride "+
		"bytes apart with a token.", name, t.Name))
	start, stride := machine.Arg("w"), machine.Arg("stride")
	per := s.size() / 4 // columns in a vector
	eachRow(name, func(dst reg.GPVirtual) {
		n, x, w := machine.Arg("n"), machine.Arg("x"), GP64()
		MOVQ(start, w)
		acc := make([]reg.VecVirtual, 4)
		for i := range acc {
			acc[i] = s.vec()
			s.zero(acc[i])
		}
		columns := func(vectors int) {
			for i := range vectors {
				t.fuse(s, Mem{Base: w, Disp: i * per * t.bytes}, Mem{Base: x, Disp: 4 * i * per}, acc[i%4])
			}
			ADDQ(U32(uint32(vectors*per*t.bytes)), w)
			ADDQ(U32(uint32(vectors*per*4)), x)
		}
		const unroll = 8
		SUBQ(U32(uint32(unroll*per)), n)
		JL(LabelRef(name + "_rest"))
		Label(name + "_columns")
		columns(unroll)
		SUBQ(U32(uint32(unroll*per)), n)
		JGE(LabelRef(name + "_columns"))
		Label(name + "_rest")
		ADDQ(U32(uint32(unroll*per)), n)
		JZ(LabelRef(name + "_end"))
		Label(name + "_vector")
		columns(1)
		SUBQ(Imm(uint64(per)), n)
		JNZ(LabelRef(name + "_vector"))
		Label(name + "_end")
		ADDQ(stride, start)
		total(acc, Mem{Base: dst})
	})
}
