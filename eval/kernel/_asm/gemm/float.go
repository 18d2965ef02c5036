// Package gemm generates products of float tiles.
package gemm

import (
	"fmt"

	. "github.com/mmcloughlin/avo/build"
	. "github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/reg"

	"bitmill/eval/kernel/_asm/machine"
)

// Product emits c[i][0:16] (+)= sum_k a[i][k]*b[k][0:16], some rows at a time, then fewer. AVX-512 holds the sixteen
// columns in one register, AVX2 in two.
func Product(name string, wide bool, rowCounts ...int) {
	machine.Kernel(name, "func(c *float32, ldc int, a *float32, lda int, b *float32, ldb int, m int, k int, accumulate int)",
		name+" computes c[i][0:16] = sum_k a[i][k]*b[k][0:16] for i < m; strides in bytes; accumulate adds to c.")
	c, ldc, a, lda := machine.Arg("c"), machine.Arg("ldc"), machine.Arg("a"), machine.Arg("lda")
	m := machine.Arg("m")
	for _, rows := range rowCounts {
		label := fmt.Sprintf("%s_rows%d", name, rows)
		Label(label)
		CMPQ(m, Imm(uint64(rows)))
		JL(LabelRef(label + "_done"))
		productRows(label, wide, rows, c, ldc, a, lda)
		for range rows {
			ADDQ(ldc, c)
			ADDQ(lda, a)
		}
		SUBQ(Imm(uint64(rows)), m)
		JMP(LabelRef(label))
		Label(label + "_done")
	}
	VZEROUPPER()
	RET()
}

// threes are pointers to every third row.
func threes(first, stride reg.GPVirtual, rows int) []reg.GPVirtual {
	p := []reg.GPVirtual{GP64()}
	MOVQ(first, p[0])
	for i := 3; i < rows; i += 3 {
		next := GP64()
		LEAQ(Mem{Base: p[len(p)-1], Index: stride, Scale: 2}, next)
		ADDQ(stride, next)
		p = append(p, next)
	}
	return p
}

// at addresses row i.
func at(i, disp int, p []reg.GPVirtual, stride reg.GPVirtual) Mem {
	m := Mem{Base: p[i/3], Disp: disp}
	if i%3 > 0 {
		m.Index, m.Scale = stride, uint8(i%3)
	}
	return m
}

func productRows(name string, wide bool, rows int, c, ldc, a, lda reg.GPVirtual) {
	const unroll = 4
	vectors, size, vec := 2, 32, func() reg.VecVirtual { return YMM() }
	if wide {
		vectors, size, vec = 1, 64, func() reg.VecVirtual { return ZMM() }
	}
	b, ldb, k := machine.Arg("b"), machine.Arg("ldb"), machine.Arg("k")
	p := threes(a, lda, rows)
	acc := make([][]reg.VecVirtual, rows)
	for i := range acc {
		for range vectors {
			v := vec()
			if wide {
				VPXORD(v, v, v)
			} else {
				VXORPS(v, v, v)
			}
			acc[i] = append(acc[i], v)
		}
	}
	columns := func(n int) {
		for s := range n {
			w := make([]reg.VecVirtual, vectors)
			for v := range w {
				w[v] = vec()
				VMOVUPS(Mem{Base: b, Disp: size * v}, w[v])
			}
			for i := range rows {
				if wide {
					VFMADD231PS_BCST(at(i, 4*s, p, lda), w[0], acc[i][0])
					continue
				}
				x := YMM()
				VBROADCASTSS(at(i, 4*s, p, lda), x)
				for v := range w {
					VFMADD231PS(x, w[v], acc[i][v])
				}
			}
			ADDQ(ldb, b)
		}
		for _, q := range p {
			ADDQ(U32(4*n), q)
		}
	}
	SUBQ(Imm(unroll), k)
	JL(LabelRef(name + "_rest"))
	Label(name + "_columns")
	columns(unroll)
	SUBQ(Imm(unroll), k)
	JGE(LabelRef(name + "_columns"))
	Label(name + "_rest")
	ADDQ(Imm(unroll), k)
	JZ(LabelRef(name + "_store"))
	Label(name + "_column")
	columns(1)
	DECQ(k)
	JNZ(LabelRef(name + "_column"))

	Label(name + "_store")
	to, flag := threes(c, ldc, rows), machine.Arg("accumulate")
	TESTQ(flag, flag)
	JZ(LabelRef(name + "_write"))
	for i := range rows {
		for v := range vectors {
			VADDPS(at(i, size*v, to, ldc), acc[i][v], acc[i][v])
		}
	}
	Label(name + "_write")
	for i := range rows {
		for v := range vectors {
			VMOVUPS(acc[i][v], at(i, size*v, to, ldc))
		}
	}
}
