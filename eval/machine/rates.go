package machine

import (
	"math"
	"time"
)

// Pool runs loops on several workers at once, as infer.Pool does.
type Pool interface {
	Workers() int
	Run(tasks int, f func(worker, task int))
}

// Rates are what a machine can do with the workers of a pool.
type Rates struct {
	ReadBytes float64 // bytes per second read from memory
	// Operations per second, a product and a sum being two, on codes of 8 bits, float32 and bfloat16.
	Int8, Float, BF16 float64
}

// MeasureRates measures reading from memory and multiplying with an instruction set of package cpu, in about half a
// second.
func MeasureRates(pool Pool, set string) Rates {
	l := loopsOf(set)
	return Rates{
		ReadBytes: ReadSpeed(pool, set, maxReadBuffer),
		Int8:      rate(pool, l.int8),
		Float:     rate(pool, l.float),
		BF16:      rate(pool, l.bf16),
	}
}

// maxReadBuffer is several times any cache.
const maxReadBuffer = 256 << 20

// readRepetitions is how often the memory is read; the fastest counts.
const readRepetitions = 25

// ReadSpeed measures how many bytes per second all workers together read from a buffer of size bytes, read over and
// over: from memory, or from a cache that holds it, just as weights of that size are. Sizes that no cache holds count
// as the same.
func ReadSpeed(pool Pool, set string, size int64) float64 {
	const part = 1 << 17 // bytes of a task
	n := int(max(min(size, maxReadBuffer), part))
	memory, err := Alloc(n)
	if err != nil {
		memory = &Memory{Bytes: make([]byte, n)}
	}
	defer memory.Free()
	data, read := memory.Bytes, loopsOf(set).read
	for i := range data {
		data[i] = 1 // pages of its own
	}
	task := func(_, task int) { read(data[task*part : min((task+1)*part, len(data))]) }
	best := math.Inf(1)
	for range readRepetitions {
		passes := 0
		start := time.Now()
		for time.Since(start) < 2*time.Millisecond {
			pool.Run((len(data)+part-1)/part, task)
			passes++
		}
		best = min(best, time.Since(start).Seconds()/float64(passes))
	}
	return float64(len(data)) / best
}

// rate measures operations per second of all workers together: each does some rounds of a loop, which says how many
// operations they were. The fastest of some tries counts.
func rate(pool Pool, loop func(rounds int) int) float64 {
	best, rounds := 0.0, 64
	operations := make([]int, 8*pool.Workers()) // a cache line each
	for begin := time.Now(); time.Since(begin) < 50*time.Millisecond; {
		clear(operations)
		start := time.Now()
		pool.Run(pool.Workers(), func(worker, _ int) { operations[8*worker] += loop(rounds) })
		took, sum := time.Since(start), 0
		for _, n := range operations {
			sum += n
		}
		best = max(best, float64(sum)/took.Seconds())
		if took < time.Millisecond {
			rounds *= 2
		}
	}
	return best
}
