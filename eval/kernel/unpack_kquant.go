package kernel

// Blocks of 256 (layouts: formats/block).

// unpackQ2_K: 16 bytes of scale (low half) and min (high half), 64 bytes of 2-bit codes, d, dmin. Byte l of a 32-byte
// run holds codes l, l+32, l+64, l+96 of a run of 128.
func unpackQ2_K(codes *[256]uint8, s *kquantScales, b []byte) {
	b = b[:84]
	for g, v := range b[:16] {
		s.scales[g] = int16(v & 15)
		s.mins[g] = int16(v >> 4)
	}
	unpackPairs(codes, b[16:80])
	s.d, s.dmin = half(b, 80), half(b, 82)
}

func unpackPairs(codes *[256]uint8, q []byte) {
	for h := 0; h < 2; h++ {
		for l := 0; l < 32; l += 8 {
			v := load8(q, 32*h+l)
			c := codes[128*h+l:][:104]
			store8(c, 0, v&bits1)
			store8(c, 32, v>>2&bits1)
			store8(c, 64, v>>4&bits1)
			store8(c, 96, v>>6&bits1)
		}
	}
}

// unpackQ3_K: 32 bytes of high bits (bit i of byte l belongs to code 32*i+l), 64 bytes of low pairs as in Q2_K,
// 16 scales of 6 bits (offset 32) in 12 bytes, d. Codes are stored with offset 4.
func unpackQ3_K(codes *[256]uint8, s *kquantScales, b []byte) {
	b = b[:110]
	high, low := b[:32], b[32:96]
	for l := 0; l < 32; l += 8 {
		h := load8(high, l)
		for r := 0; r < 2; r++ {
			v := load8(low, 32*r+l)
			c := codes[128*r+l:][:104]
			store8(c, 0, v&bits1|h&bits0<<2)
			store8(c, 32, v>>2&bits1|h>>1&bits0<<2)
			store8(c, 64, v>>4&bits1|h>>2&bits0<<2)
			store8(c, 96, v>>6&bits1|h>>3&bits0<<2)
			h >>= 4
		}
	}
	for g := range 16 {
		// Low 4 bits: halves of bytes 0-7. High 2 bits: pairs of bytes 8-11.
		scale := b[96+g%8]>>(g/8*4)&15 | b[104+g%4]>>(g/4*2)&3<<4
		s.scales[g] = int16(scale) - 32
		s.mins[g] = 4 * s.scales[g]
	}
	s.d, s.dmin = half(b, 108), 0
}

// unpackQ4_K: d, dmin, 8 scales and 8 mins of 6 bits in 12 bytes, 128 bytes of halves: byte l of a 32-byte run holds
// codes l and l+32 of a run of 64.
func unpackQ4_K(codes *[256]uint8, s *kquantScales, b []byte) {
	b = b[:144]
	unpackSixBits(s, b)
	q := b[16:144]
	for r := 0; r < 4; r++ {
		for l := 0; l < 32; l += 8 {
			v := load8(q, 32*r+l)
			c := codes[64*r+l:][:40]
			store8(c, 0, v&bits3)
			store8(c, 32, v>>4&bits3)
		}
	}
}

// unpackQ5_K: as Q4_K with 32 bytes of fifth bits before the halves (bit i of byte l belongs to code 32*i+l).
func unpackQ5_K(codes *[256]uint8, s *kquantScales, b []byte) {
	b = b[:176]
	unpackSixBits(s, b)
	high, low := b[16:48], b[48:176]
	for l := 0; l < 32; l += 8 {
		h := load8(high, l)
		for r := 0; r < 4; r++ {
			v := load8(low, 32*r+l)
			c := codes[64*r+l:][:40]
			store8(c, 0, v&bits3|h&bits0<<4)
			store8(c, 32, v>>4&bits3|h>>1&bits0<<4)
			h >>= 2
		}
	}
}

// unpackSixBits reads the head of Q4_K and Q5_K. Of the 12 bytes, 0-3 hold scales 0-3, 4-7 mins 0-3, 8-11 the low
// halves of scales 4-7 (low) and mins 4-7 (high), whose top two bits are the top bits of bytes 0-3 and 4-7.
func unpackSixBits(s *kquantScales, b []byte) {
	b = b[:16]
	s.d, s.dmin = half(b, 0), half(b, 2)
	first, second, third := get32(b, 4), get32(b, 8), get32(b, 12)
	scales := [2]uint32{first & 0x3f3f3f3f, third&0x0f0f0f0f | first>>6&0x03030303<<4}
	mins := [2]uint32{second & 0x3f3f3f3f, third>>4&0x0f0f0f0f | second>>6&0x03030303<<4}
	for g := range 8 {
		s.scales[g] = int16(scales[g/4] >> (g % 4 * 8) & 0xff)
		s.mins[g] = int16(mins[g/4] >> (g % 4 * 8) & 0xff)
	}
}

// unpackQ6_K: 128 bytes of low halves, 64 bytes of high pairs, 16 signed scales, d. In a run of 128 codes, byte l of
// the pairs holds those of codes l, l+32, l+64, l+96; their halves are low l, low l+32, high l, high l+32. Codes are
// stored with offset 32.
func unpackQ6_K(codes *[256]uint8, s *kquantScales, b []byte) {
	b = b[:210]
	for r := 0; r < 2; r++ {
		for l := 0; l < 32; l += 8 {
			first, second, high := load8(b, 64*r+l), load8(b, 64*r+l+32), load8(b, 128+32*r+l)
			c := codes[128*r+l:][:104]
			store8(c, 0, first&bits3|high&bits1<<4)
			store8(c, 32, second&bits3|high>>2&bits1<<4)
			store8(c, 64, first>>4&bits3|high>>4&bits1<<4)
			store8(c, 96, second>>4&bits3|high>>6&bits1<<4)
		}
	}
	for g, v := range b[192:208] {
		s.scales[g] = int16(int8(v))
		s.mins[g] = 32 * int16(int8(v))
	}
	s.d, s.dmin = half(b, 208), 0
}
