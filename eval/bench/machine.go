package bench

import (
	"math"
	"time"

	"bitmill/eval/infer"
	"bitmill/eval/kernel"
	"bitmill/eval/machine"
)

// Machine is what the machine can do with the threads of a pool, measured.
type Machine struct {
	ReadBytes float64 // bytes per second read from memory
	// Operations per second, a product and a sum being two, on codes of 8 bits, float32 and bfloat16.
	Int8, Float, BF16 float64
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
		switch kernel.ActivationForm(form) {
		case kernel.FormF32:
			peak = m.Float
		case kernel.FormBF16:
			peak = m.BF16
		}
		b.Compute += 2 * float64(n) / peak * perSecond
	}
	return b
}

// MeasureMachine measures reading from memory and multiplying.
func MeasureMachine(pool *infer.Pool, set *kernel.Set) Machine {
	return Machine{
		ReadBytes: ReadSpeed(pool, set, maxReadBuffer),
		Int8:      rate(pool, set.SpinInt8),
		Float:     rate(pool, set.SpinFloat),
		BF16:      rate(pool, set.SpinBF16),
	}
}

// maxReadBuffer is several times any cache.
const maxReadBuffer = 256 << 20

// readRepetitions is how often the memory is read; the fastest counts.
const readRepetitions = 25

// ReadSpeed measures how many bytes per second all workers together read from a buffer of size bytes, read over and
// over: from memory, or from a cache that holds it, just as weights of that size are. Sizes that no cache holds count
// as the same.
func ReadSpeed(pool *infer.Pool, set *kernel.Set, size int64) float64 {
	const chunk = 1 << 17 // bytes of a task
	n := int(max(min(size, maxReadBuffer), chunk))
	memory, err := machine.Alloc(n)
	if err != nil {
		memory = &machine.Memory{Bytes: make([]byte, n)}
	}
	defer memory.Free()
	data := memory.Bytes
	for i := range data {
		data[i] = 1 // pages of its own
	}
	read := func(_, task int) { set.Read(data[task*chunk : min((task+1)*chunk, len(data))]) }
	best := math.Inf(1)
	for range readRepetitions {
		passes := 0
		start := time.Now()
		for time.Since(start) < 2*time.Millisecond {
			pool.Run((len(data)+chunk-1)/chunk, read)
			passes++
		}
		best = min(best, time.Since(start).Seconds()/float64(passes))
	}
	return float64(len(data)) / best
}
