package kernel

import "time"

// Peaks are speeds of one core that nothing in a Set can exceed: of loops that only multiply and add in registers, or only
// read. A product and a sum count as two operations.
type Peaks struct {
	Int8  float64 // operations per second on codes of 8 bits
	Float float64 // on float32
	BF16  float64 // on bfloat16 summed in float32; without such instructions, that of float32
	Read  float64 // bytes per second from memory
}

// spins are the loops that peaks are measured with. Each does about n rounds and returns the operations done.
type spins struct {
	int8, float, bf16 func(n int) int
	read              func(p []byte) uint64
}

// SpinInt8, SpinFloat and SpinBF16 keep the calling core busy with n rounds of products and sums and return their number
// of operations.
func (s *Set) SpinInt8(n int) int { return s.spins.int8(n) }

// SpinFloat is SpinInt8 for float32.
func (s *Set) SpinFloat(n int) int { return s.spins.float(n) }

// SpinBF16 is SpinInt8 for bfloat16.
func (s *Set) SpinBF16(n int) int { return s.spins.bf16(n) }

// Read reads all of p, as fast as the Set's products could, and returns a number that depends on it.
func (s *Set) Read(p []byte) uint64 { return s.spins.read(p) }

// Peaks measures the calling core, for a few milliseconds each. buffer should be several times as large as any cache, and
// its pages written; it is only read. Without one, Read stays 0.
func (s *Set) Peaks(buffer []byte) Peaks {
	p := Peaks{Int8: spinRate(s.SpinInt8), Float: spinRate(s.SpinFloat), BF16: spinRate(s.SpinBF16)}
	for range min(3, len(buffer)) {
		start := time.Now()
		s.Read(buffer)
		p.Read = max(p.Read, float64(len(buffer))/time.Since(start).Seconds())
	}
	return p
}

// spinRate returns the operations per second of the fastest of some pieces of a quarter of a millisecond.
func spinRate(spin func(n int) int) float64 {
	n, best := 64, 0.0
	for begin := time.Now(); time.Since(begin) < 6*time.Millisecond; {
		start := time.Now()
		operations := spin(n)
		took := time.Since(start)
		if took < 250*time.Microsecond {
			n *= 2
			continue
		}
		best = max(best, float64(operations)/took.Seconds())
	}
	return best
}

var spinsGeneric = spins{
	int8: func(n int) int {
		var codes [256]uint8
		var q [256]int8
		for i := range n {
			codes[0] += uint8(dotCodes(codes[:], q[:])) + uint8(i)
		}
		return 2 * 256 * n
	},
	float: spinFloatGeneric,
	bf16:  spinFloatGeneric,
	read:  readGeneric,
}

func spinFloatGeneric(n int) int {
	var a, b [256]float32
	for range n {
		a[0] += dotFloat(a[:], b[:])
	}
	return 2 * 256 * n
}

func readGeneric(p []byte) (sum uint64) {
	for ; len(p) >= 64; p = p[64:] {
		for i := 0; i < 64; i += 8 {
			sum += load8(p, i)
		}
	}
	for _, v := range p {
		sum += uint64(v)
	}
	return sum
}
