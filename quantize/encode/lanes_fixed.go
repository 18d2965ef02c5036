package encode

import (
	"encoding/binary"
	"math"

	"bitmill/formats/block"
)

// The types with fixed grids. Blocks with numbers that are not finite, or scales whose inverse is not, are left to plain Go.

// findPeaks returns the bits of the largest magnitude in each run of size values of the batch's first n values.
func (b *batch) findPeaks(n, size int) []uint32 {
	b.peaks(&b.peakBits[0], &b.x[0], n/size, size)
	return b.peakBits[:n/size]
}

func (b *batch) encodeMXFP4(dst []byte, row, _ []float32) {
	b.each(row, nil, func(at, n int) {
		peaks := b.findPeaks(n, 32)
		for i, p := range peaks {
			b.s[i] = e8m0(math.Float32frombits(p))
			b.scale[i] = block.FromE8M0Half(b.s[i])
		}
		b.float4(&b.q[0], &b.x[0], &b.scale[0], n/32, 32)
		for i, p := range peaks {
			out := dst[(at/32+i)*17:][:17]
			if !withinFloat4(p, b.scale[i]) {
				encodeMXFP4(out, b.x[32*i:][:32], nil)
				continue
			}
			out[0] = b.s[i]
			packNibbles(out[1:], (*[32]uint8)(b.q[32*i:]))
		}
	})
}

// withinFloat4 reports whether nearestFloat4 counts middles for magnitudes up to the one with these bits.
func withinFloat4(magnitude uint32, d float32) bool {
	limit := math.Float32bits(16 * d)
	return magnitude <= limit && limit < infinite
}

func (b *batch) encodeNVFP4(dst []byte, row, _ []float32) {
	b.each(row, nil, func(at, n int) {
		peaks := b.findPeaks(n, 16)
		for i, p := range peaks {
			b.s[i] = ue4m3(math.Float32frombits(p) / 6)
			b.scale[i] = block.FromUE4M3Half(b.s[i])
		}
		b.float4(&b.q[0], &b.x[0], &b.scale[0], n/16, 16)
		for i, p := range peaks {
			out := (*[36]byte)(dst[(at/64+i/4)*36:])
			q := (*[8]byte)(out[4+i%4*8:])
			if withinFloat4(p, b.scale[i]) {
				binary.LittleEndian.PutUint64(q[:], word(b.q[16*i:])|word(b.q[16*i+8:])<<4)
			} else {
				b.s[i] = encodeNVFP4Part(q, (*[16]float32)(b.x[16*i:]))
			}
			out[i%4] = b.s[i]
		}
	})
}

func (b *batch) encodeQ1_0(dst []byte, row, _ []float32) {
	b.each(row, nil, func(at, n int) {
		for i := 0; i < n; i += 8 * 128 {
			b.sumMagnitudes(&b.scale[i/128], &b.x[i], 128)
		}
		b.signs(&b.q[0], &b.x[0], n)
		for i := range n / 128 {
			out := (*[18]byte)(dst[(at/128+i)*18:])
			putHalf(out[:], b.scale[i]/128)
			copy(out[2:], b.q[16*i:16*i+16])
		}
	})
}

// aways sets b.q to roundAway(x/d) + 1 for the runs of size values, d the largest magnitude of a run, and gives each run to
// put, or to plain.
func (b *batch) aways(n, size, top int, put func(i int, d float32), plain func(i int, x []float32)) {
	peaks := b.findPeaks(n, size)
	for i, p := range peaks {
		b.scale[i] = invert(math.Float32frombits(p))
	}
	b.away(&b.q[0], &b.x[0], &b.scale[0], n/size, size, top)
	for i, p := range peaks {
		if p >= infinite || math.Float32bits(b.scale[i]) >= infinite {
			plain(i, b.x[i*size:][:size])
			continue
		}
		put(i, math.Float32frombits(p))
	}
}

func (b *batch) encodeQ2_0(dst []byte, row, _ []float32) {
	b.each(row, nil, func(at, n int) {
		b.aways(n, 64, 3, func(i int, d float32) {
			out := (*[18]byte)(dst[(at/64+i)*18:])
			putHalf(out[:], d)
			packPairs((*[16]byte)(out[2:]), (*[64]uint8)(b.q[64*i:]))
		}, func(i int, x []float32) { encodeQ2_0(dst[(at/64+i)*18:], x, nil) })
	})
}

// packPairs puts levels 4*i to 4*i+3, of two bits each, into byte i.
func packPairs(dst *[16]byte, q *[64]uint8) {
	for i := 0; i < 16; i += 2 {
		v := word(q[4*i:])
		v = (v | v>>6) & 0x000f000f000f000f
		v = (v | v>>12) & 0x000000ff000000ff
		binary.LittleEndian.PutUint16(dst[i:], uint16(v|v>>24))
	}
}

func (b *batch) encodeTQ1_0(dst []byte, row, _ []float32) {
	b.each(row, nil, func(at, n int) {
		b.aways(n, 256, 2, func(i int, d float32) {
			out := (*[54]byte)(dst[(at/256+i)*54:])
			putHalf(out[52:], d)
			packTQ1_0(out, (*[256]uint8)(b.q[256*i:]))
		}, func(i int, x []float32) { encodeTQ1_0(dst[(at/256+i)*54:], x, nil) })
	})
}

func (b *batch) encodeTQ2_0(dst []byte, row, _ []float32) {
	b.each(row, nil, func(at, n int) {
		b.aways(n, 256, 2, func(i int, d float32) {
			out := (*[66]byte)(dst[(at/256+i)*66:])
			putHalf(out[64:], d)
			pack2(out[:64], (*[256]uint8)(b.q[256*i:]))
		}, func(i int, x []float32) { encodeTQ2_0(dst[(at/256+i)*66:], x, nil) })
	})
}
