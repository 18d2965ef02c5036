package encode

import (
	"math"

	"bitmill/formats"
	"bitmill/formats/block"
)

// Magnitude returns the largest |x|; of a NaN that is NaN.
func Magnitude(x []float32) float32 {
	bits, n := uint32(0), 0
	if set := chosenLanes(); set != nil && len(x) >= 32 {
		n = len(x) &^ 31
		bits = set.largestBits(&x[0], n)
	}
	for _, v := range x[n:] {
		bits = max(bits, math.Float32bits(v)&0x7fffffff)
	}
	return math.Float32frombits(bits)
}

// Reach returns a magnitude that no block of type t holds; a smaller one may be beyond its scale too, as
// block.NotFinite tells. It matters where a value beyond the scale leaves no trace in the block. NVFP4 takes its
// largest scale then, 448, and its largest level is 6. The searches of other types sum squares, and find a scale of 0
// where the sums overflow, from 2^43 on. No scale in F16 holds 2^32: the types with the widest blocks, Q6_K and IQ4_XS,
// end at 128*32*65504.
func Reach(t formats.Type) float32 {
	switch {
	case t == formats.NVFP4:
		return math.Nextafter32(6*448, math.MaxFloat32)
	case t == formats.IQ1_M || t.Quantized() && len(block.Halves(t)) > 0:
		return 1 << 32
	}
	return float32(math.Inf(1))
}

// OutOfRange returns the first block of dst, the encoding of src as type t, that does not stand for its values: its
// scale (of a plain type: the value) is not a finite number, or a value is beyond the type's Reach. It returns -1 when
// all do. magnitude is Magnitude(src), which is the same for every type.
func OutOfRange(t formats.Type, dst []byte, src []float32, magnitude float32) int {
	bad := block.NotFinite(t, dst)
	reach := Reach(t)
	if magnitude < reach {
		return bad
	}
	for i, v := range src {
		if !(v > -reach && v < reach) {
			if n := i / t.BlockLen(); bad < 0 || n < bad {
				return n
			}
			return bad
		}
	}
	return bad
}
