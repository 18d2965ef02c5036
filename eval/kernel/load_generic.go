package kernel

import (
	"math"

	"bitmill/formats/block"
)

// loadGeneric converts one token to the form of b.
func loadGeneric(b *Activations, t int, x []float32) {
	switch b.form {
	case FormF32:
		copy(b.f32[t*b.stride:], x)
	case FormBF16:
		for i, v := range x {
			b.f32[t*b.stride+i] = block.FromBF16(block.BF16(v))
		}
		b.putBF16(t, 0)
	case FormQ8_0, FormQ8_1, FormValuesQ8_0:
		for i := 0; i < b.cols; i += 32 {
			loadQ8(b, t, i, x[i:i+32])
		}
	case FormQ8_K, FormValuesQ8_K:
		for i := 0; i < b.cols; i += 256 {
			loadQ8K(b, t, i, x[i:i+256])
		}
	}
	b.putValues(t)
}

// putValues stores the values of a token's codes.
func (b *Activations) putValues(t int) {
	if b.form.float() || !b.form.values() {
		return
	}
	size := b.form.blockLen()
	for i := range b.cols {
		b.f32[t*b.stride+i] = b.d[(t*b.cols+i)/size] * float32(b.codes[t*b.stride+i])
	}
}

// putBF16 stores the upper halves of a token's values from column i on, and zeros up to the stride.
func (b *Activations) putBF16(t, i int) {
	if len(b.bf16) == 0 {
		return
	}
	row := b.bf16[t*b.stride:][:b.stride]
	for ; i < b.cols; i++ {
		row[i] = uint16(math.Float32bits(b.f32[t*b.stride+i]) >> 16)
	}
	clear(row[b.cols:])
}

// loadQ8 converts the 32 activations from column i: with m = max|x|, q = round(x*(127/m)), d = f16(m/127) and
// s = f16(m/127 * sum q). Halves round to even (ggml's AVX2 path).
func loadQ8(b *Activations, t, i int, x []float32) {
	var top uint32
	for _, v := range x {
		top = max(top, magnitude(v))
	}
	m := math.Float32frombits(top)
	var inverse float32
	if m != 0 {
		inverse = 127 / m
	}
	codes := b.codes[t*b.stride+i:][:32]
	sum := 0
	for h := range 2 {
		part := roundCodes(codes[16*h:16*h+16], x[16*h:16*h+16], inverse)
		b.sums16[(t*b.cols+i)/16+h] = int16(part)
		sum += part
	}
	d := m / 127
	b.d[(t*b.cols+i)/32] = block.FromF16(block.F16(d))
	if b.form != FormQ8_1 {
		for j, q := range codes {
			b.int16s[t*b.stride+i+j] = int16(q)
		}
	} else {
		b.s[(t*b.cols+i)/32] = block.FromF16(block.F16(d * float32(sum)))
	}
}

// loadQ8K converts the 256 activations from column i: with m the first value of the largest magnitude,
// q = min(127, round(x*(-127/m))) and d = 1/(-127/m).
func loadQ8K(b *Activations, t, i int, x []float32) {
	var m float32
	for _, v := range x {
		if magnitude(v) > magnitude(m) {
			m = v
		}
	}
	var scale, d float32
	if m != 0 {
		scale = -127 / m
		d = 1 / scale
	}
	b.d[(t*b.cols+i)/256] = d
	codes := b.codes[t*b.stride+i:][:256]
	for g := range 16 {
		sum := roundCodes(codes[16*g:16*g+16], x[16*g:16*g+16], scale)
		b.sums16[(t*b.cols+i)/16+g] = int16(sum)
	}
	for g := range 8 {
		at := (t*b.cols + i) / 16
		b.sums32[at/2+g] = b.sums16[at+2*g] + b.sums16[at+2*g+1]
	}
}

// roundCodes sets codes = round(x*scale), halves to even, held within [-128, 127] (-128 for NaN), and returns their
// sum.
func roundCodes(codes []int8, x []float32, scale float32) (sum int) {
	for j, v := range x {
		r := math.RoundToEven(float64(v * scale))
		if !(r > -128) { // NaN too
			r = -128
		}
		q := int8(min(r, 127))
		codes[j] = q
		sum += int(q)
	}
	return sum
}

// magnitude orders |x| as an integer, so that NaN is the largest of all and is not lost: the block's scale is then
// NaN and so is every product with it.
func magnitude(x float32) uint32 { return math.Float32bits(x) &^ (1 << 31) }
