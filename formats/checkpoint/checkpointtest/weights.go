package checkpointtest

import (
	"math"
	"strings"
)

// gain makes random matrices strong enough that every layer matters to the logits.
const gain = 1.5

// Uniform returns n values in [-1, 1), each a function of name and its index only:
//
//	z = splitmix64(fnv1a64(name) + i),  u = (z >> 40) / 2^23 - 1
func Uniform(name string, n int) []float32 {
	h := fnv1a64(name)
	u := make([]float32, n)
	for i := range u {
		u[i] = float32(float64(splitmix64(h+uint64(i))>>40)/(1<<23) - 1)
	}
	return u
}

// Weights returns the values of a tensor by its Hugging Face name and shape (slowest dimension first), rounded to
// bfloat16. Norm gains (one dimension, name ends in "weight") are 1 + 0.1u, other vectors and numbers 0.1u, embeddings 0.5u,
// matrices u * gain * sqrt(3 / fan in), the fan in being the last dimension. Steps round to float32 as numpy's do.
func Weights(name string, shape []int64) []float32 {
	n := 1
	for _, d := range shape {
		n *= int(d)
	}
	w := Uniform(name, n)
	scale, shift := float32(0.1), float32(0)
	switch {
	case len(shape) <= 1:
		if strings.HasSuffix(name, "weight") {
			shift = 1
		}
	case strings.Contains(name, "embed"), strings.Contains(name, "wte"), strings.Contains(name, "wpe"):
		scale = 0.5
	default:
		scale = float32(gain * math.Sqrt(3/float64(shape[len(shape)-1])))
	}
	for i, u := range w {
		w[i] = round(float32(u*scale) + shift)
	}
	return w
}

// Bytes returns the values of a tensor of bytes: of the same z as in Uniform, 119 + (z >> 40) mod 4 for the scales of
// MXFP4 (2^-8 to 2^-5), (z >> 40) mod 256 for all else.
func Bytes(name string, shape []int64) []byte {
	n := 1
	for _, d := range shape {
		n *= int(d)
	}
	h, b := fnv1a64(name), make([]byte, n)
	for i := range b {
		b[i] = byte(splitmix64(h+uint64(i)) >> 40)
		if strings.HasSuffix(name, "_scales") {
			b[i] = 119 + b[i]%4
		}
	}
	return b
}

// round rounds a finite value to bfloat16, to nearest even.
func round(x float32) float32 {
	b := math.Float32bits(x)
	return math.Float32frombits((b + 0x7fff + b>>16&1) &^ 0xffff)
}

func fnv1a64(s string) uint64 {
	h := uint64(0xcbf29ce484222325)
	for i := range len(s) {
		h = (h ^ uint64(s[i])) * 0x100000001b3
	}
	return h
}

func splitmix64(z uint64) uint64 {
	z += 0x9e3779b97f4a7c15
	z = (z ^ z>>30) * 0xbf58476d1ce4e5b9
	z = (z ^ z>>27) * 0x94d049bb133111eb
	return z ^ z>>31
}
