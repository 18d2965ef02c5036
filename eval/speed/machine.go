package speed

import (
	"math"
	"time"

	"bitmill/eval/infer"
	"bitmill/formats/kernel"
)

// Machine is what the machine can do with the threads of a pool, measured.
type Machine struct {
	ReadBytes float64 // bytes per second read from memory
	// Operations per second, a product and a sum being two, on codes of 8 bits and on float32.
	Int8, Float float64
}

// Bound says what limits a speed: the larger of two shares.
type Bound struct {
	Memory  float64 // the part of its time that a test would take if only reading took time
	Compute float64 // the same of multiplying
}

// Of takes the work of one pass and how often it was done in a second.
func (m Machine) Of(w infer.Work, perSecond float64) Bound {
	var b Bound
	b.Memory = float64(w.WeightBytes+w.KVBytes) / m.ReadBytes * perSecond
	for form, n := range w.Products {
		peak := m.Int8
		if kernel.Form(form) == kernel.FormF32 {
			peak = m.Float
		}
		b.Compute += 2 * float64(n) / peak * perSecond
	}
	return b
}

// MeasureMachine measures reading from memory and multiplying.
func MeasureMachine(pool *infer.Pool, set *kernel.Set) Machine {
	m := Machine{ReadBytes: ReadSpeed(pool, maxReadBuffer)}
	m.Int8, m.Float = peaks(pool, set)
	return m
}

// maxReadBuffer is several times any cache.
const maxReadBuffer = 256 << 20

// readRepetitions is how often the memory is read; the fastest counts.
const readRepetitions = 7

// ReadSpeed measures how many bytes per second all workers together read from a buffer of size bytes, read over and
// over: from memory, or from a cache that holds it, just as weights of that size are. Sizes that no cache holds count
// as the same.
func ReadSpeed(pool *infer.Pool, size int64) float64 {
	const chunk = 1 << 14 // words of a task
	words := make([]uint64, max(min(size, maxReadBuffer)/8, chunk))
	for i := range words {
		words[i] = uint64(i)
	}
	sums := make([]uint64, pool.Workers()*8) // a cache line each
	best := math.Inf(1)
	for range readRepetitions {
		passes := 0
		start := time.Now()
		for time.Since(start) < 20*time.Millisecond {
			pool.Run((len(words)+chunk-1)/chunk, func(worker, task int) {
				sums[8*worker] += sum(words[task*chunk : min((task+1)*chunk, len(words))])
			})
			passes++
		}
		best = min(best, time.Since(start).Seconds()/float64(passes))
	}
	return float64(8*len(words)) / best
}

// sum adds in eight chains, so that additions keep up with loads.
func sum(x []uint64) uint64 {
	var s [8]uint64
	for ; len(x) >= 8; x = x[8:] {
		s[0] += x[0]
		s[1] += x[1]
		s[2] += x[2]
		s[3] += x[3]
		s[4] += x[4]
		s[5] += x[5]
		s[6] += x[6]
		s[7] += x[7]
	}
	return s[0] + s[1] + s[2] + s[3] + s[4] + s[5] + s[6] + s[7]
}
