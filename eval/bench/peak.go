package bench

import (
	"time"

	"bitmill/eval/infer"
)

// rate measures operations per second of all workers together: each spins for some rounds and says how many operations
// they were. The fastest of some tries counts.
func rate(pool *infer.Pool, spin func(rounds int) int) float64 {
	best, rounds := 0.0, 64
	operations := make([]int, 8*pool.Workers()) // a cache line each
	for begin := time.Now(); time.Since(begin) < 50*time.Millisecond; {
		clear(operations)
		start := time.Now()
		pool.Run(pool.Workers(), func(worker, _ int) { operations[8*worker] += spin(rounds) })
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
