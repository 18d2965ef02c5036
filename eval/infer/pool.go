package infer

import (
	"sync"
	"sync/atomic"
)

// Pool is a fixed set of worker goroutines that share one job at a time. Work is cut into numbered tasks; which worker
// takes which task is left to chance, so tasks must write to places of their own: then results never depend on threads.
type Pool struct {
	workers int
	jobs    chan *job
	job     job // the one under way
}

type job struct {
	tasks int64
	next  atomic.Int64
	run   func(worker, task int)
	done  sync.WaitGroup
}

// NewPool starts a pool of the given number of workers; less than 1 means 1.
func NewPool(workers int) *Pool {
	workers = max(workers, 1)
	p := &Pool{workers: workers, jobs: make(chan *job)}
	for w := 1; w < workers; w++ {
		go func() {
			for j := range p.jobs {
				j.work(w)
				j.done.Done()
			}
		}()
	}
	return p
}

// Workers is the number of workers, the caller of Run included.
func (p *Pool) Workers() int { return p.workers }

// Run calls f(worker, task) for every task in [0, tasks) and returns when all are done. The caller works as worker 0.
// Only one Run at a time.
func (p *Pool) Run(tasks int, f func(worker, task int)) {
	if tasks <= 1 || p.workers == 1 {
		for t := range tasks {
			f(0, t)
		}
		return
	}
	j := &p.job
	j.tasks, j.run = int64(tasks), f
	j.next.Store(0)
	helpers := min(p.workers, tasks) - 1
	j.done.Add(helpers)
	for range helpers {
		p.jobs <- j
	}
	j.work(0)
	j.done.Wait()
}

func (j *job) work(worker int) {
	for {
		t := j.next.Add(1) - 1
		if t >= j.tasks {
			return
		}
		j.run(worker, int(t))
	}
}

// Close ends the workers.
func (p *Pool) Close() { close(p.jobs) }
