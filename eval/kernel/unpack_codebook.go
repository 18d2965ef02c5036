package kernel

import (
	"encoding/binary"
	"sync"
	"unsafe"

	"bitmill/formats"
	"bitmill/formats/block"
)

// The codebooks as kernels read them, made when they are first needed.
func codebook8(t formats.Type) func() *byte {
	return func() *byte { return (*byte)(unsafe.Pointer(&block.Values8(t)[0])) }
}

func codebook4(t formats.Type) func() *byte {
	return func() *byte { return (*byte)(unsafe.Pointer(&block.Values4(t)[0])) }
}

func codebookIQ1() *byte { return (*byte)(unsafe.Pointer(&entriesIQ1()[0])) }

// lookUp8 sets the codes of a block from its index and signs.
func (c *signedCodes) lookUp8(at int, table [][8]int8) {
	c.entries8((*[8]int8)(c.codes[at:]), &table[0], &c.index[0], &c.signs[0], 32)
}

func (c *signedCodes) lookUp4(at int, table [][4]int8) {
	c.entries4((*[4]int8)(c.codes[at:]), &table[0], &c.index[0], &c.signs[0], 64)
}

func (c *signedCodes) iq2XXS(row []byte) {
	table := block.Values8(formats.IQ2_XXS)
	for at := 0; len(row) > 0; at, row = at+256, row[66:] {
		d := half(row, 0)
		for j := range 8 {
			part := (*[8]byte)(row[2+8*j:])
			word := binary.LittleEndian.Uint32(part[4:])
			for k := range 4 {
				c.index[4*j+k], c.signs[4*j+k] = uint16(part[k]), block.EvenSigns(word>>(7*k))
			}
			c.repeat(at+32*j, 32, d*(0.5+float32(word>>28))*0.25)
		}
		c.lookUp8(at, table)
	}
}

// fourBits sets sixteen scales d*(s+1/2)/4.
func (c *signedCodes) fourBits(at int, d float32, s []byte) {
	for j := range 16 {
		c.scales[at/16+j] = d * (0.5 + float32(s[j/2]>>(j%2*4)&15)) * 0.25
	}
}

func (c *signedCodes) iq2XS(row []byte) {
	table := block.Values8(formats.IQ2_XS)
	for at := 0; len(row) > 0; at, row = at+256, row[74:] {
		for k := range 32 {
			word := binary.LittleEndian.Uint16(row[2+2*k:])
			c.index[k], c.signs[k] = word&511, block.EvenSigns(uint32(word>>9))
		}
		c.fourBits(at, half(row, 0), row[66:74])
		c.lookUp8(at, table)
	}
}

func (c *signedCodes) iq2S(row []byte) {
	table := block.Values8(formats.IQ2_S)
	for at := 0; len(row) > 0; at, row = at+256, row[82:] {
		for k := range 32 {
			c.index[k] = uint16(row[2+k]) | uint16(row[66+k/4]>>(k%4*2)&3)<<8
		}
		c.signs = [32]byte(row[34:])
		c.fourBits(at, half(row, 0), row[74:82])
		c.lookUp8(at, table)
	}
}

func (c *signedCodes) iq3XXS(row []byte) {
	table := block.Values4(formats.IQ3_XXS)
	for at := 0; len(row) > 0; at, row = at+256, row[98:] {
		d := half(row, 0)
		for k, v := range row[2:66] {
			c.index[k] = uint16(v)
		}
		for j := range 8 {
			word := binary.LittleEndian.Uint32(row[66+4*j:])
			for k := range 4 {
				c.signs[4*j+k] = block.EvenSigns(word >> (7 * k))
			}
			c.repeat(at+32*j, 32, d*(0.5+float32(word>>28))*0.5)
		}
		c.lookUp4(at, table)
	}
}

func (c *signedCodes) iq3S(row []byte) {
	table := block.Values4(formats.IQ3_S)
	for at := 0; len(row) > 0; at, row = at+256, row[110:] {
		d := half(row, 0)
		for k := range 64 {
			c.index[k] = uint16(row[2+k]) | uint16(row[66+k/8]>>(k%8)&1)<<8
		}
		c.signs = [32]byte(row[74:])
		for j := range 8 {
			c.repeat(at+32*j, 32, d*float32(1+2*uint32(row[106+j/2]>>(j%2*4)&15)))
		}
		c.lookUp4(at, table)
	}
}

// entriesIQ1 are the entries of IQ1_S and IQ1_M times eight, first shifted by 1/8 up, then all of them down.
var entriesIQ1 = sync.OnceValue(func() [][8]int8 {
	entries := block.Values8(formats.IQ1_S)
	table := make([][8]int8, 2*len(entries))
	for i, e := range entries {
		for k, v := range e {
			table[i][k], table[len(entries)+i][k] = 8*v+1, 8*v-1
		}
	}
	return table
})

func (c *signedCodes) iq1S(row []byte) {
	table := entriesIQ1()
	clear(c.signs[:])
	for at := 0; len(row) > 0; at, row = at+256, row[50:] {
		d := half(row, 0)
		for j := range 8 {
			word := binary.LittleEndian.Uint16(row[34+2*j:])
			for k := range 4 {
				c.index[4*j+k] = uint16(row[2+4*j+k]) | word>>(3*k)&7<<8 | word>>15<<11
			}
			c.repeat(at+32*j, 32, d*float32(2*uint32(word>>12&7)+1)*block.Shift1)
		}
		c.lookUp8(at, table)
	}
}

func (c *signedCodes) iq1M(row []byte) {
	table := entriesIQ1()
	clear(c.signs[:])
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
			c.index[k] = uint16(row[k]) | uint16(h&15)<<8 // the shift's sign is bit 11
		}
		for j := range 16 {
			c.scales[at/16+j] = scale * float32(2*uint32(word[j/4]>>(j%4*3)&7)+1) * block.Shift1
		}
		c.lookUp8(at, table)
	}
}
