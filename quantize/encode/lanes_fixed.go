package encode

import (
	"encoding/binary"
	"math"

	"bitmill/formats/block"
)

// The types of fixed steps, which search nothing. Blocks with numbers or inverse scales that are not finite are left to
// plain Go.

// findAbsMax returns the bits of the largest magnitude in each run of size values of the batch's first n values.
func (ws *workspace) findAbsMax(n, size int) []uint32 {
	ws.absMax(&ws.absMaxBits[0], &ws.x[0], n/size, size)
	return ws.absMaxBits[:n/size]
}

func (ws *workspace) encodeMXFP4(dst []byte, row, _ []float32) {
	ws.each(row, nil, func(at, n int) {
		maxima := ws.findAbsMax(n, 32)
		for i, p := range maxima {
			ws.s[i] = e8m0(math.Float32frombits(p))
			ws.scale[i] = block.FromE8M0Half(ws.s[i])
		}
		ws.float4(&ws.q[0], &ws.x[0], &ws.scale[0], n/32, 32)
		for i, p := range maxima {
			out := dst[(at/32+i)*17:][:17]
			if !withinFloat4(p, ws.scale[i]) {
				encodeMXFP4(out, ws.x[32*i:][:32], nil)
				continue
			}
			out[0] = ws.s[i]
			packNibbles(out[1:], (*[32]uint8)(ws.q[32*i:]))
		}
	})
}

// withinFloat4 reports whether nearestFloat4 counts middles for magnitudes up to the one with these bits.
func withinFloat4(magnitude uint32, d float32) bool {
	limit := math.Float32bits(16 * d)
	return magnitude <= limit && limit < infinite
}

func (ws *workspace) encodeNVFP4(dst []byte, row, _ []float32) {
	ws.each(row, nil, func(at, n int) {
		maxima := ws.findAbsMax(n, 16)
		for i, p := range maxima {
			ws.s[i] = ue4m3(math.Float32frombits(p) / 6)
			ws.scale[i] = block.FromUE4M3Half(ws.s[i])
		}
		ws.float4(&ws.q[0], &ws.x[0], &ws.scale[0], n/16, 16)
		for i, p := range maxima {
			out := (*[36]byte)(dst[(at/64+i/4)*36:])
			q := (*[8]byte)(out[4+i%4*8:])
			if withinFloat4(p, ws.scale[i]) {
				binary.LittleEndian.PutUint64(q[:], word(ws.q[16*i:])|word(ws.q[16*i+8:])<<4)
			} else {
				ws.s[i] = encodeNVFP4Part(q, (*[16]float32)(ws.x[16*i:]))
			}
			out[i%4] = ws.s[i]
		}
	})
}

func (ws *workspace) encodeQ1_0(dst []byte, row, _ []float32) {
	ws.each(row, nil, func(at, n int) {
		for i := 0; i < n; i += 8 * 128 {
			ws.sumMagnitudes(&ws.scale[i/128], &ws.x[i], 128)
		}
		ws.signs(&ws.q[0], &ws.x[0], n)
		for i := range n / 128 {
			out := (*[18]byte)(dst[(at/128+i)*18:])
			putHalf(out[:], ws.scale[i]/128)
			copy(out[2:], ws.q[16*i:16*i+16])
		}
	})
}

// roundRuns sets ws.q to roundHalfAway(x/d) + 1 for the runs of size values, d the largest magnitude of a run. It calls
// put for each run, or plain where the inverse of d is not finite.
func (ws *workspace) roundRuns(n, size, top int, put func(i int, d float32), plain func(i int, x []float32)) {
	maxima := ws.findAbsMax(n, size)
	for i, p := range maxima {
		ws.scale[i] = invert(math.Float32frombits(p))
	}
	ws.roundHalfAway(&ws.q[0], &ws.x[0], &ws.scale[0], n/size, size, top)
	for i, p := range maxima {
		if p >= infinite || math.Float32bits(ws.scale[i]) >= infinite {
			plain(i, ws.x[i*size:][:size])
			continue
		}
		put(i, math.Float32frombits(p))
	}
}

func (ws *workspace) encodeQ2_0(dst []byte, row, _ []float32) {
	ws.each(row, nil, func(at, n int) {
		ws.roundRuns(n, 64, 3, func(i int, d float32) {
			out := (*[18]byte)(dst[(at/64+i)*18:])
			putHalf(out[:], d)
			packPairs((*[16]byte)(out[2:]), (*[64]uint8)(ws.q[64*i:]))
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

func (ws *workspace) encodeTQ1_0(dst []byte, row, _ []float32) {
	ws.each(row, nil, func(at, n int) {
		ws.roundRuns(n, 256, 2, func(i int, d float32) {
			out := (*[54]byte)(dst[(at/256+i)*54:])
			putHalf(out[52:], d)
			packTQ1_0(out, (*[256]uint8)(ws.q[256*i:]))
		}, func(i int, x []float32) { encodeTQ1_0(dst[(at/256+i)*54:], x, nil) })
	})
}

func (ws *workspace) encodeTQ2_0(dst []byte, row, _ []float32) {
	ws.each(row, nil, func(at, n int) {
		ws.roundRuns(n, 256, 2, func(i int, d float32) {
			out := (*[66]byte)(dst[(at/256+i)*66:])
			putHalf(out[64:], d)
			pack2(out[:64], (*[256]uint8)(ws.q[256*i:]))
		}, func(i int, x []float32) { encodeTQ2_0(dst[(at/256+i)*66:], x, nil) })
	})
}
