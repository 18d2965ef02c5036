package infer

import (
	"runtime"
	"slices"
	"sync/atomic"
	"testing"
	"time"
)

// TestPool runs loops of many sizes, at once and after the workers have gone to sleep: every task runs once, on a
// worker of the pool.
func TestPool(t *testing.T) {
	for workers := 0; workers <= 5; workers++ {
		p := NewPool(workers)
		var counts [40]atomic.Int32
		for round := range 300 {
			tasks := round % len(counts)
			p.Run(tasks, func(worker, task int) {
				if worker < 0 || worker >= p.Workers() {
					t.Errorf("worker %d of %d", worker, p.Workers())
				}
				counts[task].Add(1)
			})
			for i := range counts {
				want := int32(0)
				if i < tasks {
					want = 1
				}
				if n := counts[i].Swap(0); n != want {
					t.Fatalf("%d workers, %d tasks: task %d ran %d times", workers, tasks, i, n)
				}
			}
			if round%100 == 99 {
				time.Sleep(10 * patience)
			}
		}
		p.Close()
	}
}

// TestPoolClose: closing ends the workers' goroutines, sleeping or not.
func TestPoolClose(t *testing.T) {
	before := runtime.NumGoroutine()
	for i := range 20 {
		p := NewPool(4)
		p.Run(8, func(int, int) {})
		if i%2 == 0 {
			time.Sleep(2 * patience)
		}
		p.Close()
	}
	for end := time.Now().Add(5 * time.Second); runtime.NumGoroutine() > before; time.Sleep(time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("%d goroutines, %d before", runtime.NumGoroutine(), before)
		}
	}
}

// BenchmarkPool gives two workers a task of five microseconds each. The time beyond that is the cost of the pool.
func BenchmarkPool(b *testing.B) {
	p := NewPool(2)
	defer p.Close()
	f := func(int, int) {
		for until := time.Now().Add(5 * time.Microsecond); time.Now().Before(until); {
		}
	}
	times := make([]time.Duration, 0, b.N)
	for b.Loop() {
		start := time.Now()
		p.Run(2, f)
		times = append(times, time.Since(start))
	}
	slices.Sort(times)
	b.ReportMetric(float64(times[0].Nanoseconds()), "best-ns")
	b.ReportMetric(float64(times[len(times)/4].Nanoseconds()), "quarter-ns") // a quarter took less
	b.ReportMetric(float64(times[len(times)/2].Nanoseconds()), "median-ns")
}
