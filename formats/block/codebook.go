package block

import (
	"encoding/base64"
	"math"
	"math/bits"
	"sync"

	"bitmill/formats"
)

// Codebook is the codebook of an i-quant. An entry is Dim levels, each below Base; an index into the codebook stands
// for Dim values at once.
type Codebook struct {
	Dim, Base int
	Levels    []uint8 // entry i is Levels[i*Dim : (i+1)*Dim]
}

// Entries is the number of entries.
func (l *Codebook) Entries() int { return len(l.Levels) / l.Dim }

// Code is the entry's place in the order of the codebooks: the number whose digits in base Base are the levels, the
// first one the lowest.
func (l *Codebook) Code(entry []uint8) int {
	code := 0
	for i := l.Dim - 1; i >= 0; i-- {
		code = code*l.Base + int(entry[i])
	}
	return code
}

// CodebookOf returns the codebook of an i-quant; nil for all other types. The caller must not change it.
func CodebookOf(t formats.Type) *Codebook {
	switch t {
	case formats.IQ2_XXS:
		return codebook2XXS()
	case formats.IQ2_XS:
		return codebook2XS()
	case formats.IQ2_S:
		return codebook2S()
	case formats.IQ3_XXS:
		return codebook3XXS()
	case formats.IQ3_S:
		return codebook3S()
	case formats.IQ1_S, formats.IQ1_M:
		return codebook1()
	}
	return nil
}

var (
	codebook2XXS = expand(8, 3, bits2XXS)
	codebook2XS  = expand(8, 3, bits2XS)
	codebook2S   = expand(8, 3, bits2S)
	codebook1    = expand(8, 3, bits1)
	codebook3XXS = expand(4, 8, bits3XXS)
	codebook3S   = expand(4, 8, bits3S)
)

// expand reads a codebook from its bitmap when it is first needed.
func expand(dim, base int, bitmap string) func() *Codebook {
	return sync.OnceValue(func() *Codebook {
		set, err := base64.StdEncoding.DecodeString(bitmap)
		if err != nil {
			panic("block: a codebook in codebook_data.go is damaged: " + err.Error())
		}
		l := &Codebook{Dim: dim, Base: base}
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
	values2XXS = values8(codebook2XXS, worth2)
	values2XS  = values8(codebook2XS, worth2)
	values2S   = values8(codebook2S, worth2)
	values1    = values8(codebook1, worth1)
	values3XXS = values4(codebook3XXS, worth3XXS)
	values3S   = values4(codebook3S, worth3S)
)

// values8 lists what the entries of a codebook are worth.
func values8(codebook func() *Codebook, worth []int8) func() [][8]int8 {
	return sync.OnceValue(func() [][8]int8 {
		l := codebook()
		values := make([][8]int8, l.Entries())
		for i, level := range l.Levels {
			values[i/8][i%8] = worth[level]
		}
		return values
	})
}

func values4(codebook func() *Codebook, worth []int8) func() [][4]int8 {
	return sync.OnceValue(func() [][4]int8 {
		l := codebook()
		values := make([][4]int8, l.Entries())
		for i, level := range l.Levels {
			values[i/4][i%4] = worth[level]
		}
		return values
	})
}

// Values8 lists the entries of eight levels of an i-quant by what they are worth; nil for all other types. The caller
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

// Values4 is Values8 for entries of four levels.
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

// signed4 is signed8 for entries of four levels.
func signed4(y *[4]float32, v *[4]int8, scale float32, signs uint8) {
	for i := range y {
		y[i] = negateIf(scale*float32(v[i]), signs>>i)
	}
}

// negateIf negates v when the lowest bit of minus is set.
func negateIf(v float32, minus uint8) float32 {
	return math.Float32frombits(math.Float32bits(v) ^ uint32(minus)<<31)
}

// EvenSigns completes the seven signs that are stored of eight: an even number of them is negative. Higher bits of s
// are ignored.
func EvenSigns(s uint32) uint8 {
	s &= 127
	return uint8(s | uint32(bits.OnesCount32(s)&1)<<7)
}
