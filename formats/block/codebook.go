package block

import (
	"encoding/base64"
	"math"
	"math/bits"
	"sync"

	"bitmill/formats"
)

// Lattice is the codebook of an i-quant. A point has Dim coordinates, each a level below Base; an index into the
// codebook stands for Dim values at once.
type Lattice struct {
	Dim, Base int
	Levels    []uint8 // point i is Levels[i*Dim : (i+1)*Dim]
}

// Points is the number of points.
func (l *Lattice) Points() int { return len(l.Levels) / l.Dim }

// Code is the point's place in the order of the codebooks: the number whose digits in base Base are the levels, the first
// one the lowest.
func (l *Lattice) Code(point []uint8) int {
	code := 0
	for i := l.Dim - 1; i >= 0; i-- {
		code = code*l.Base + int(point[i])
	}
	return code
}

// LatticeOf returns the codebook of an i-quant; nil for all other types. The caller must not change it.
func LatticeOf(t formats.Type) *Lattice {
	switch t {
	case formats.IQ2_XXS:
		return lattice2XXS()
	case formats.IQ2_XS:
		return lattice2XS()
	case formats.IQ2_S:
		return lattice2S()
	case formats.IQ3_XXS:
		return lattice3XXS()
	case formats.IQ3_S:
		return lattice3S()
	case formats.IQ1_S, formats.IQ1_M:
		return lattice1()
	}
	return nil
}

var (
	lattice2XXS = expand(8, 3, bits2XXS)
	lattice2XS  = expand(8, 3, bits2XS)
	lattice2S   = expand(8, 3, bits2S)
	lattice1    = expand(8, 3, bits1)
	lattice3XXS = expand(4, 8, bits3XXS)
	lattice3S   = expand(4, 8, bits3S)
)

// expand reads a codebook from its bitmap when it is first needed.
func expand(dim, base int, bitmap string) func() *Lattice {
	return sync.OnceValue(func() *Lattice {
		set, err := base64.StdEncoding.DecodeString(bitmap)
		if err != nil {
			panic("block: a codebook in lattice_data.go is damaged: " + err.Error())
		}
		l := &Lattice{Dim: dim, Base: base}
		for code := range 8 * len(set) {
			if set[code/8]>>(code%8)&1 == 0 {
				continue
			}
			for range dim {
				l.Levels = append(l.Levels, uint8(code%base))
				code /= base
			}
		}
		return l
	})
}

// What the levels are worth. Codebooks 2 and 3 hold magnitudes, whose signs are stored beside the index.
var (
	worth2    = []int8{8, 25, 43}
	worth3XXS = []int8{4, 12, 20, 28, 36, 44, 52, 62}
	worth3S   = []int8{1, 3, 5, 7, 9, 11, 13, 15}
	worth1    = []int8{-1, 0, 1}
)

var (
	values2XXS = values8(lattice2XXS, worth2)
	values2XS  = values8(lattice2XS, worth2)
	values2S   = values8(lattice2S, worth2)
	values1    = values8(lattice1, worth1)
	values3XXS = values4(lattice3XXS, worth3XXS)
	values3S   = values4(lattice3S, worth3S)
)

// values8 lists what the points of a codebook are worth.
func values8(lattice func() *Lattice, worth []int8) func() [][8]int8 {
	return sync.OnceValue(func() [][8]int8 {
		l := lattice()
		values := make([][8]int8, l.Points())
		for i, level := range l.Levels {
			values[i/8][i%8] = worth[level]
		}
		return values
	})
}

func values4(lattice func() *Lattice, worth []int8) func() [][4]int8 {
	return sync.OnceValue(func() [][4]int8 {
		l := lattice()
		values := make([][4]int8, l.Points())
		for i, level := range l.Levels {
			values[i/4][i%4] = worth[level]
		}
		return values
	})
}

// Values8 lists the points of eight coordinates of an i-quant by what they are worth; nil for all other types. The caller
// must not change it.
func Values8(t formats.Type) [][8]int8 {
	switch t {
	case formats.IQ2_XXS:
		return values2XXS()
	case formats.IQ2_XS:
		return values2XS()
	case formats.IQ2_S:
		return values2S()
	case formats.IQ1_S, formats.IQ1_M:
		return values1()
	}
	return nil
}

// Values4 is Values8 for points of four coordinates.
func Values4(t formats.Type) [][4]int8 {
	switch t {
	case formats.IQ3_XXS:
		return values3XXS()
	case formats.IQ3_S:
		return values3S()
	}
	return nil
}

// signed8 writes scale * v[i], negated where bit i of signs is set.
func signed8(y *[8]float32, v *[8]int8, scale float32, signs uint8) {
	for i := range y {
		y[i] = negateIf(scale*float32(v[i]), signs>>i)
	}
}

// signed4 is signed8 for points of four.
func signed4(y *[4]float32, v *[4]int8, scale float32, signs uint8) {
	for i := range y {
		y[i] = negateIf(scale*float32(v[i]), signs>>i)
	}
}

// negateIf negates v when the lowest bit of minus is set.
func negateIf(v float32, minus uint8) float32 {
	return math.Float32frombits(math.Float32bits(v) ^ uint32(minus)<<31)
}

// evenSigns completes the seven signs that are stored of eight: an even number of them is negative. Higher bits of s are
// not looked at.
func evenSigns(s uint32) uint8 {
	s &= 127
	return uint8(s | uint32(bits.OnesCount32(s)&1)<<7)
}
