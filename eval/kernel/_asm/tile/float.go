package tile

import (
	"fmt"

	. "github.com/mmcloughlin/avo/build"
	. "github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/reg"

	. "bitmill/eval/kernel/_asm/machine"
	"bitmill/eval/kernel/layout"
)

// EmitFloatAVX512 generates the product of float tiles.
func EmitFloatAVX512() { float("tileFloatAVX512", AVX512, 12, 8, 4, 2, 1) }

// float emits c[i][0:16] (+)= sum_k a[i][k]*b[k][0:16], for as many rows at a time as rowCounts say in turn. AVX-512
// holds the sixteen columns in one register, AVX2 in two.
func float(name string, to Machine, rowCounts ...int) {
	Func(name, "func(c *float32, ldc int, a *float32, lda int, b *float32, ldb int, m int, k int, accumulate int)",
		"computes c[i][0:16] = sum_k a[i][k]*b[k][0:16] for i < m; strides in bytes; accumulate adds to c.")
	c, ldc, a, lda := Arg("c"), Arg("ldc"), Arg("a"), Arg("lda")
	m := Arg("m")
	for _, rows := range rowCounts {
		label := fmt.Sprintf("%s_rows%d", name, rows)
		Label(label)
		CMPQ(m, Imm(uint64(rows)))
		JL(LabelRef(label + "_done"))
		floatRows(label, to, rows, c, ldc, a, lda)
		for range rows {
			ADDQ(ldc, c)
			ADDQ(lda, a)
		}
		SUBQ(Imm(uint64(rows)), m)
		JMP(LabelRef(label))
		Label(label + "_done")
	}
	End()
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

func floatRows(name string, m Machine, rows int, c, ldc, a, lda reg.GPVirtual) {
	vectors, size := layout.Vector/m.Bytes, m.Bytes
	b, ldb := Arg("b"), Arg("ldb")
	p := threes(a, lda, rows)
	acc := make([][]reg.VecVirtual, rows)
	for i := range acc {
		acc[i] = m.Zeros(vectors)
	}
	Unrolled(name+"_columns", Arg("k"), 1, 4, func(n int) {
		for s := range n {
			w := m.LoadMany(vectors, Mem{Base: b})
			for i := range rows {
				if m.Wide() {
					VFMADD231PS_BCST(at(i, 4*s, p, lda), w[0], acc[i][0])
					continue
				}
				x := m.Broadcast(at(i, 4*s, p, lda))
				for v := range w {
					VFMADD231PS(x, w[v], acc[i][v])
				}
			}
			ADDQ(ldb, b)
		}
		for _, q := range p {
			ADDQ(U32(4*n), q)
		}
	})
	to, flag := threes(c, ldc, rows), Arg("accumulate")
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
