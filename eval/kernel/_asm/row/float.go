package row

import (
	"fmt"

	. "github.com/mmcloughlin/avo/build"
	. "github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/reg"

	. "bitmill/eval/kernel/_asm/machine"
)

// FloatType is a type of plain numbers.
type FloatType struct {
	Name  string
	bytes int
	// fuse adds numbers times activations to acc.
	fuse func(s Machine, w, x Mem, acc reg.VecVirtual)
}

// FloatTypes are the types of plain numbers.
var FloatTypes = []FloatType{
	{"F32", 4, func(s Machine, w, x Mem, acc reg.VecVirtual) {
		y := s.Vec()
		VMOVUPS(w, y)
		VFMADD231PS(x, y, acc)
	}},
	{"F16", 2, func(s Machine, w, x Mem, acc reg.VecVirtual) {
		y := s.Vec()
		VCVTPH2PS(w, y)
		VFMADD231PS(x, y, acc)
	}},
	{"BF16", 2, func(s Machine, w, x Mem, acc reg.VecVirtual) {
		y := s.Vec()
		VPMOVZXWD(w, y)
		VPSLLD(U8(16), y, y)
		VFMADD231PS(x, y, acc)
	}},
}

const floatSignature = "func(dst *float32, w *byte, rows, stride, n int, x *float32)"

// Emit generates the type's kernel.
func (t FloatType) Emit(s Machine) {
	name := "row" + t.Name + s.Suffix
	Func(name, floatSignature, fmt.Sprintf("multiplies the first n columns, a multiple of 16, of %s rows stride "+
		"bytes apart with a token.", t.Name))
	start, stride := Arg("w"), Arg("stride")
	per := s.Bytes / 4 // columns in a vector
	eachRow(name, func(dst reg.GPVirtual) {
		n, x, w := Arg("n"), Arg("x"), GP64()
		MOVQ(start, w)
		acc := make([]reg.VecVirtual, 4)
		for i := range acc {
			acc[i] = s.Vec()
			Clear(acc[i])
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
