package kernel

import (
	"encoding/binary"
	"unsafe"

	"bitmill/formats/block"
)

func (c *signedCodes) iq4NL(row []byte) {
	n := len(row) / 18
	c.nibbles(&c.codes[0], &row[2], 18, n, &block.Nonlinear4[0])
	for i := range n {
		c.repeat(32*i, 32, half(row, 18*i))
	}
}

func (c *signedCodes) mxfp4(row []byte) {
	n := len(row) / 17
	c.nibbles(&c.codes[0], &row[1], 17, n, &block.Float4[0])
	for i := range n {
		c.repeat(32*i, 32, block.FromE8M0Half(row[17*i]))
	}
}

func (c *signedCodes) iq4XS(row []byte) {
	for at := 0; len(row) > 0; at, row = at+256, row[136:] {
		b := (*[136]byte)(row)
		c.nibbles(&c.codes[at], &b[8], 16, 8, &block.Nonlinear4[0])
		d, high := half(b[:], 0), binary.LittleEndian.Uint16(b[2:])
		for j := range 8 {
			s := int32(b[4+j/2]>>(j%2*4)&15) | int32(high>>(2*j)&3)<<4
			c.repeat(at+32*j, 32, d*float32(s-32))
		}
	}
}

// nvfp4: eight bytes hold sixteen codes, the low halves the first eight and the high halves the others, so of the four
// parts of two sub-blocks the inner ones are swapped.
func (c *signedCodes) nvfp4(row []byte) {
	for at := 0; len(row) > 0; at, row = at+64, row[36:] {
		b := (*[36]byte)(row)
		c.nibbles(&c.codes[at], &b[4], 16, 2, &block.Float4[0])
		for i := at; i < at+64; i += 32 {
			inner := (*[16]int8)(c.codes[i+8:])
			a, b := [8]int8(inner[:8]), [8]int8(inner[8:])
			*(*[8]int8)(inner[:8]), *(*[8]int8)(inner[8:]) = b, a
		}
		for j := range 4 {
			c.scales[at/16+j] = block.FromUE4M3Half(b[j])
		}
	}
}

// lessOne subtracts one from eight bytes below 128.
func lessOne(v uint64) uint64 { return (v | bit7 - bits0) ^ bit7 }

// put stores eight codes.
func (c *signedCodes) put(at int, v uint64) {
	store8((*[8]byte)(unsafe.Pointer((*[8]int8)(c.codes[at:])))[:], 0, v)
}

func (c *signedCodes) tq2(row []byte) {
	for at := 0; len(row) > 0; at, row = at+256, row[66:] {
		for i := 0; i < 64; i += 8 {
			v := load8(row, i)
			for k := range 4 {
				c.put(at+128*(i/32)+32*k+i%32, lessOne(v>>(2*k)&bits1))
			}
		}
		c.repeat(at, 256, half(row, 64))
	}
}

// tq1: trit n of a byte is what passes the binary point in the (n+1)th multiplication by three; even and odd
// bytes are multiplied separately.
func (c *signedCodes) tq1(row []byte) {
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
				c.put(first+n*step, lessOne(a>>8&even|b&^even))
				a, b = a&even, b&even
			}
		}
		for i, v := range row[48:52] {
			for n := range 4 {
				t := uint32(v) * 3
				c.codes[at+240+4*n+i] = int8(t>>8) - 1
				v = uint8(t)
			}
		}
		c.repeat(at, 256, half(row, 52))
	}
}

func (c *signedCodes) q1(row []byte) {
	for at := 0; len(row) > 0; at, row = at+128, row[18:] {
		for i, b := range row[2:18] {
			set := uint64(b) * bits0 & 0x8040201008040201
			set = (set + 0x7f7f7f7f7f7f7f7f) & bit7
			c.put(at+8*i, (set^bit7)>>7*0xff|bits0) // 1, or -1 where the bit is not set
		}
		c.repeat(at, 128, half(row, 0))
	}
}

func (c *signedCodes) q2(row []byte) {
	for at := 0; len(row) > 0; at, row = at+64, row[18:] {
		for i := 0; i < 16; i += 2 {
			a, b := uint64(row[2+i]), uint64(row[3+i])<<32
			v := a | b
			v |= v << 6
			v |= v << 12 // bits 2k and 2k+1 of a byte come to byte k
			c.put(at+4*i, lessOne(v&bits1))
		}
		c.repeat(at, 64, half(row, 0))
	}
}
