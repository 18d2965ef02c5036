package kernel

// Scales lie in the two halves of 32-bit words, so that one shift and one mask give a pair of scales, or of minima, of
// neighbouring groups: the low half is that of the first group.

// putScalesQ2_K makes words of 4-bit scales: word i has groups 4i to 4i+3, two pairs of scales, then two of minima.
func putScalesQ2_K(to *[4]uint32, s *kquantScales) {
	for i := range to {
		a, m := s.scales[4*i:], s.mins[4*i:]
		to[i] = pair(a[0], a[1]) | pair(a[2], a[3])<<4 | pair(m[0], m[1])<<8 | pair(m[2], m[3])<<12
	}
}

func scalesQ2_K(s *kquantScales, from *[4]uint32) {
	for i, w := range from {
		for p := range 2 {
			s.scales[4*i+2*p], s.scales[4*i+2*p+1] = halves16(w >> (4 * p) & 0x000f000f)
			s.mins[4*i+2*p], s.mins[4*i+2*p+1] = halves16(w >> (8 + 4*p) & 0x000f000f)
		}
	}
}

func halves16(pair uint32) (low, high int16) { return int16(pair), int16(pair >> 16) }

// sixBits puts eight pairs of 6 bits into three words: pairs 2i and 2i+1 at bits 0 and 6 of the halves of word i; of
// pairs 6 and 7 four bits on top of words 0 and 1, and the upper two at bits 12 and 14 of word 2.
func sixBits(to *[4]uint32, p *[8]uint32) {
	for i := range 3 {
		to[i] = p[2*i] | p[2*i+1]<<6
	}
	for i, v := range p[6:] {
		to[i] |= v & 0x000f000f << 12
		to[2] |= v >> 4 & 0x00030003 << (12 + 2*i)
	}
}

func pairsOfSix(from *[4]uint32) (p [8]uint32) {
	for i := range 3 {
		p[2*i], p[2*i+1] = from[i]&0x003f003f, from[i]>>6&0x003f003f
	}
	for i := range 2 {
		p[6+i] = from[i]>>12&0x000f000f | from[2]>>(12+2*i)&0x00030003<<4
	}
	return p
}

// putScalesQ3_K makes words of sixteen scales plus 32, group by group.
func putScalesQ3_K(to *[4]uint32, s *kquantScales) {
	var p [8]uint32
	for i := range p {
		p[i] = pair(s.scales[2*i]+32, s.scales[2*i+1]+32)
	}
	sixBits(to, &p)
}

func scalesQ3_K(s *kquantScales, from *[4]uint32) {
	for i, v := range pairsOfSix(from) {
		a, b := halves16(v)
		s.scales[2*i], s.scales[2*i+1] = a-32, b-32
		s.mins[2*i], s.mins[2*i+1] = 4*(a-32), 4*(b-32)
	}
}

// putScalesAndMins makes the words of Q4_K and Q5_K: eight scales, then eight minima.
func putScalesAndMins(to *[4]uint32, s *kquantScales) {
	var p [8]uint32
	for i := range 4 {
		p[i], p[4+i] = pair(s.scales[2*i], s.scales[2*i+1]), pair(s.mins[2*i], s.mins[2*i+1])
	}
	sixBits(to, &p)
}

func scalesAndMins(s *kquantScales, from *[4]uint32) {
	p := pairsOfSix(from)
	for i := range 4 {
		s.scales[2*i], s.scales[2*i+1] = halves16(p[i])
		s.mins[2*i], s.mins[2*i+1] = halves16(p[4+i])
	}
}

// putScalesQ6_K makes words of 8-bit scales: word i has groups 4i to 4i+3, a byte each.
func putScalesQ6_K(to *[4]uint32, s *kquantScales) {
	for i := range to {
		for g := range 4 {
			to[i] |= uint32(uint8(s.scales[4*i+g])) << (8 * g)
		}
	}
}

func scalesQ6_K(s *kquantScales, from *[4]uint32) {
	for g := range s.scales {
		v := int16(int8(from[g/4] >> (8 * (g % 4))))
		s.scales[g], s.mins[g] = v, 32*v
	}
}
