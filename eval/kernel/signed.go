//go:build amd64 && !purego

package kernel

import (
	"encoding/binary"
	"math/bits"
	"sync"
	"unsafe"

	"bitmill/formats"
	"bitmill/formats/block"
)

// unpackLevels are the types that can be taken so: each fills codes and scales from the blocks of a row.
var unpackLevels = map[formats.Type]func(l *levels, row []byte){
	formats.IQ4_NL:  func(l *levels, row []byte) { l.nibbles(row, 18, 2, &block.Uneven4) },
	formats.MXFP4:   func(l *levels, row []byte) { l.nibbles(row, 17, 1, &block.Float4) },
	formats.IQ4_XS:  (*levels).iq4XS,
	formats.NVFP4:   (*levels).nvfp4,
	formats.TQ1_0:   (*levels).tq1,
	formats.TQ2_0:   (*levels).tq2,
	formats.Q1_0:    (*levels).q1,
	formats.Q2_0:    (*levels).q2,
	formats.IQ2_XXS: (*levels).iq2XXS,
	formats.IQ2_XS:  (*levels).iq2XS,
	formats.IQ2_S:   (*levels).iq2S,
	formats.IQ3_XXS: (*levels).iq3XXS,
	formats.IQ3_S:   (*levels).iq3S,
	formats.IQ1_S:   (*levels).iq1S,
	formats.IQ1_M:   (*levels).iq1M,
}

// levelRows unpacks each row once and multiplies it with all tokens.
func (j *job) levelRows(unpack func(*levels, []byte), l *levels) {
	w, x := &j.w, j.x
	l.codes, l.scales = grow(l.codes, w.Cols), grow(l.scales, w.Cols/16)
	for r := j.r0; r < j.r1; r++ {
		unpack(l, w.row(r))
		for t := range x.n {
			dotLevels(&j.dst[t*j.stride+r], &l.codes[0], &l.scales[0], len(l.scales), &x.f32[t*x.stride])
		}
	}
}

// repeat sets the scales of n codes from code at on.
func (l *levels) repeat(at, n int, scale float32) {
	s := l.scales[at/16:][:n/16]
	for i := range s {
		s[i] = scale
	}
}

// nibbles takes blocks of 32 with the scale in front.
func (l *levels) nibbles(row []byte, size, codes int, table *[16]int8) {
	n := len(row) / size
	nibbleLevels(&l.codes[0], &row[codes], size, n, &table[0])
	for i := range n {
		if codes == 1 {
			l.repeat(32*i, 32, block.FromE8M0Half(row[size*i]))
		} else {
			l.repeat(32*i, 32, half(row, size*i))
		}
	}
}

func (l *levels) iq4XS(row []byte) {
	for at := 0; len(row) > 0; at, row = at+256, row[136:] {
		b := (*[136]byte)(row)
		nibbleLevels(&l.codes[at], &b[8], 16, 8, &block.Uneven4[0])
		d, high := half(b[:], 0), binary.LittleEndian.Uint16(b[2:])
		for j := range 8 {
			s := int32(b[4+j/2]>>(j%2*4)&15) | int32(high>>(2*j)&3)<<4
			l.repeat(at+32*j, 32, d*float32(s-32))
		}
	}
}

// nvfp4: the halves of eight bytes are the two halves of sixteen codes, so of two sub-blocks' four parts the inner ones
// change places.
func (l *levels) nvfp4(row []byte) {
	for at := 0; len(row) > 0; at, row = at+64, row[36:] {
		b := (*[36]byte)(row)
		nibbleLevels(&l.codes[at], &b[4], 16, 2, &block.Float4[0])
		for i := at; i < at+64; i += 32 {
			inner := (*[16]int8)(l.codes[i+8:])
			a, b := [8]int8(inner[:8]), [8]int8(inner[8:])
			*(*[8]int8)(inner[:8]), *(*[8]int8)(inner[8:]) = b, a
		}
		for j := range 4 {
			l.scales[at/16+j] = block.FromUE4M3Half(b[j])
		}
	}
}

// lessOne subtracts one from eight bytes below 128.
func lessOne(v uint64) uint64 { return (v | bit7 - bits0) ^ bit7 }

// put stores eight codes.
func (l *levels) put(at int, v uint64) {
	store8((*[8]byte)(unsafe.Pointer((*[8]int8)(l.codes[at:])))[:], 0, v)
}

func (l *levels) tq2(row []byte) {
	for at := 0; len(row) > 0; at, row = at+256, row[66:] {
		for i := 0; i < 64; i += 8 {
			v := load8(row, i)
			for k := range 4 {
				l.put(at+128*(i/32)+32*k+i%32, lessOne(v>>(2*k)&bits1))
			}
		}
		l.repeat(at, 256, half(row, 64))
	}
}

// tq1: trit n of a byte is what passes the binary point in the (n+1)th multiplication by three; bytes at even and odd
// places are multiplied apart.
func (l *levels) tq1(row []byte) {
	const even = 0x00ff00ff00ff00ff
	for at := 0; len(row) > 0; at, row = at+256, row[54:] {
		for i := 0; i < 48; i += 8 {
			v := load8(row, i)
			first, step := at+i, 32
			if i >= 32 {
				first, step = at+160+i-32, 16
			}
			a, b := v&even, v>>8&even
			for n := range 5 {
				a, b = 3*a, 3*b
				l.put(first+n*step, lessOne(a>>8&even|b&^even))
				a, b = a&even, b&even
			}
		}
		for i, v := range row[48:52] {
			for n := range 4 {
				t := uint32(v) * 3
				l.codes[at+240+4*n+i] = int8(t>>8) - 1
				v = uint8(t)
			}
		}
		l.repeat(at, 256, half(row, 52))
	}
}

func (l *levels) q1(row []byte) {
	for at := 0; len(row) > 0; at, row = at+128, row[18:] {
		for i, b := range row[2:18] {
			set := uint64(b) * bits0 & 0x8040201008040201
			set = (set + 0x7f7f7f7f7f7f7f7f) & bit7
			l.put(at+8*i, (set^bit7)>>7*0xff|bits0) // 1, or -1 where the bit is not set
		}
		l.repeat(at, 128, half(row, 0))
	}
}

func (l *levels) q2(row []byte) {
	for at := 0; len(row) > 0; at, row = at+64, row[18:] {
		for i := 0; i < 16; i += 2 {
			a, b := uint64(row[2+i]), uint64(row[3+i])<<32
			v := a | b
			v |= v << 6
			v |= v << 12 // bits 2k and 2k+1 of a byte come to byte k
			l.put(at+4*i, lessOne(v&bits1))
		}
		l.repeat(at, 64, half(row, 0))
	}
}

// evenSigns completes seven signs: an even number is negative.
func evenSigns(s uint32) byte {
	s &= 127
	return byte(s | uint32(bits.OnesCount32(s)&1)<<7)
}

func (l *levels) points8(at int, table [][8]int8) {
	points8((*[8]int8)(l.codes[at:]), &table[0], &l.index[0], &l.signs[0], 32)
}

func (l *levels) points4(at int, table [][4]int8) {
	points4((*[4]int8)(l.codes[at:]), &table[0], &l.index[0], &l.signs[0], 64)
}

func (l *levels) iq2XXS(row []byte) {
	table := block.Values8(formats.IQ2_XXS)
	for at := 0; len(row) > 0; at, row = at+256, row[66:] {
		d := half(row, 0)
		for j := range 8 {
			part := (*[8]byte)(row[2+8*j:])
			word := binary.LittleEndian.Uint32(part[4:])
			for k := range 4 {
				l.index[4*j+k], l.signs[4*j+k] = uint16(part[k]), evenSigns(word>>(7*k))
			}
			l.repeat(at+32*j, 32, d*(0.5+float32(word>>28))*0.25)
		}
		l.points8(at, table)
	}
}

// fourBits sets sixteen scales d*(s+1/2)/4.
func (l *levels) fourBits(at int, d float32, s []byte) {
	for j := range 16 {
		l.scales[at/16+j] = d * (0.5 + float32(s[j/2]>>(j%2*4)&15)) * 0.25
	}
}

func (l *levels) iq2XS(row []byte) {
	table := block.Values8(formats.IQ2_XS)
	for at := 0; len(row) > 0; at, row = at+256, row[74:] {
		for k := range 32 {
			word := binary.LittleEndian.Uint16(row[2+2*k:])
			l.index[k], l.signs[k] = word&511, evenSigns(uint32(word>>9))
		}
		l.fourBits(at, half(row, 0), row[66:74])
		l.points8(at, table)
	}
}

func (l *levels) iq2S(row []byte) {
	table := block.Values8(formats.IQ2_S)
	for at := 0; len(row) > 0; at, row = at+256, row[82:] {
		for k := range 32 {
			l.index[k] = uint16(row[2+k]) | uint16(row[66+k/4]>>(k%4*2)&3)<<8
		}
		l.signs = [32]byte(row[34:])
		l.fourBits(at, half(row, 0), row[74:82])
		l.points8(at, table)
	}
}

func (l *levels) iq3XXS(row []byte) {
	table := block.Values4(formats.IQ3_XXS)
	for at := 0; len(row) > 0; at, row = at+256, row[98:] {
		d := half(row, 0)
		for k, v := range row[2:66] {
			l.index[k] = uint16(v)
		}
		for j := range 8 {
			word := binary.LittleEndian.Uint32(row[66+4*j:])
			for k := range 4 {
				l.signs[4*j+k] = evenSigns(word >> (7 * k))
			}
			l.repeat(at+32*j, 32, d*(0.5+float32(word>>28))*0.5)
		}
		l.points4(at, table)
	}
}

func (l *levels) iq3S(row []byte) {
	table := block.Values4(formats.IQ3_S)
	for at := 0; len(row) > 0; at, row = at+256, row[110:] {
		d := half(row, 0)
		for k := range 64 {
			l.index[k] = uint16(row[2+k]) | uint16(row[66+k/8]>>(k%8)&1)<<8
		}
		l.signs = [32]byte(row[74:])
		for j := range 8 {
			l.repeat(at+32*j, 32, d*float32(1+2*uint32(row[106+j/2]>>(j%2*4)&15)))
		}
		l.points4(at, table)
	}
}

// shifted are the points of IQ1_S and IQ1_M times eight, first shifted by 1/8 up, then all of them down.
var shifted = sync.OnceValue(func() [][8]int8 {
	points := block.Values8(formats.IQ1_S)
	table := make([][8]int8, 2*len(points))
	for i, p := range points {
		for k, v := range p {
			table[i][k], table[len(points)+i][k] = 8*v+1, 8*v-1
		}
	}
	return table
})

func (l *levels) iq1S(row []byte) {
	table := shifted()
	clear(l.signs[:])
	for at := 0; len(row) > 0; at, row = at+256, row[50:] {
		d := half(row, 0)
		for j := range 8 {
			word := binary.LittleEndian.Uint16(row[34+2*j:])
			for k := range 4 {
				l.index[4*j+k] = uint16(row[2+4*j+k]) | word>>(3*k)&7<<8 | word>>15<<11
			}
			l.repeat(at+32*j, 32, d*float32(2*uint32(word>>12&7)+1)*block.Shift1)
		}
		l.points8(at, table)
	}
}

func (l *levels) iq1M(row []byte) {
	table := shifted()
	clear(l.signs[:])
	for at := 0; len(row) > 0; at, row = at+256, row[56:] {
		var word [4]uint16
		var d uint16
		for w := range word {
			word[w] = binary.LittleEndian.Uint16(row[48+2*w:])
			d |= word[w] >> 12 << (4 * w)
		}
		scale := block.FromF16(d)
		for k := range 32 {
			h := row[32+k/2] >> (k % 2 * 4)
			l.index[k] = uint16(row[k]) | uint16(h&15)<<8 // the shift's sign is bit 11
		}
		for j := range 16 {
			l.scales[at/16+j] = scale * float32(2*uint32(word[j/4]>>(j%4*3)&7)+1) * block.Shift1
		}
		l.points8(at, table)
	}
}
