package block

import (
	"encoding/binary"
	"math"
)

// Q8_K: 256 values in 292 bytes, 9.125 bits per value. ggml rounds activations to it; files hold none.
//
//	0   4                      260                    292
//	+---+-----------------------+----------------------+
//	| d | q, 256 signed bytes   | 16 sums, 16 bits each|
//	+---+-----------------------+----------------------+
//
// d is a float32.  value[i] = d * q[i]; the sums of sixteen q each are not needed here.
func decodeQ8_K(dst []float32, src []byte) {
	for ; len(dst) >= 256; dst, src = dst[256:], src[292:] {
		y, b := (*[256]float32)(dst), (*[292]byte)(src)
		d := math.Float32frombits(binary.LittleEndian.Uint32(b[:]))
		for i := range y {
			y[i] = d * float32(int8(b[4+i]))
		}
	}
}
