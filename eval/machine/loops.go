package machine

import "encoding/binary"

// loops keep the calling core busy with nothing but the instructions that products are made of, in registers, or with
// reading. Each does about n rounds and returns its number of operations; a product and a sum are two.
type loops struct {
	int8  func(n int) int // codes of 8 bits
	float func(n int) int // float32
	bf16  func(n int) int // bfloat16, summed in float32; without such instructions, that of float32
	read  func(p []byte) uint64
}

var genericLoops = loops{int8: int8Generic, float: floatGeneric, bf16: floatGeneric, read: readGeneric}

func int8Generic(n int) int {
	var codes [256]uint8
	var q [256]int8
	for i := range n {
		sum := int32(i)
		for k, c := range codes {
			sum += int32(c) * int32(q[k])
		}
		codes[0] += uint8(sum)
	}
	return 2 * 256 * n
}

func floatGeneric(n int) int {
	var a, b [256]float32
	for range n {
		sum := 0.0
		for k, x := range a {
			sum += float64(x) * float64(b[k])
		}
		a[0] += float32(sum)
	}
	return 2 * 256 * n
}

// readGeneric returns a number that depends on every byte.
func readGeneric(p []byte) (sum uint64) {
	for ; len(p) >= 64; p = p[64:] {
		for i := 0; i < 64; i += 8 {
			sum += binary.LittleEndian.Uint64(p[i:])
		}
	}
	for _, v := range p {
		sum += uint64(v)
	}
	return sum
}
