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
	per := s.Floats()
	eachRow(name, func(dst reg.GPVirtual) {
		x, w, acc := Arg("x"), Copy(start), s.Zeros(4)
		Unrolled(name, Arg("n"), per, 8, func(vectors int) {
			for i := range vectors {
				t.fuse(s, Mem{Base: w, Disp: i * per * t.bytes}, Mem{Base: x, Disp: 4 * i * per}, acc[i%4])
			}
			ADDQ(U32(uint32(vectors*per*t.bytes)), w)
			ADDQ(U32(uint32(vectors*per*4)), x)
		})
		ADDQ(stride, start)
		total(acc, Mem{Base: dst})
	})
}
