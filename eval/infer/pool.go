package infer

import (
	"runtime"
	"sync/atomic"
	"time"

	"bitmill/formats/file"
)

// Pool is a fixed set of worker goroutines that share one parallel loop at a time. A loop is cut into numbered tasks,
// and chance decides which worker takes which. Every task writes to its own memory, so results never depend on
// threads.
//
// A token of a small model is some hundred loops of tens of microseconds, and waking a goroutine takes as long as such
// a loop. So a waiting worker first spins for its patience, and only then sleeps.
type Pool struct {
	workers int
	turn    atomic.Uint64 // the number of the loop, and in the lowest byte its number of helpers; or closed
	loop    loop          // the current one
	helpers []sleeper     // worker w is helpers[w-1]
	caller  sleeper

	patience time.Duration // of this pool
}

// patience is how long a worker spins for the next loop. The products of one token follow each other within
// microseconds.
const patience = 20 * time.Microsecond

const (
	maxWorkers = 256
	closed     = ^uint64(0)
)

type loop struct {
	tasks  int64
	next   atomic.Int64
	inside atomic.Int64 // helpers at work, plus over once the caller finds no more tasks
	run    func(worker, task int)

	fault atomic.Pointer[any] // the panic of a worker that read a file which was cut short; nil: none
}

// over closes a loop to helpers that wake late: the caller does not wait for them.
const over = -1 << 32

func (j *loop) enter() bool {
	for n := j.inside.Load(); n >= 0; n = j.inside.Load() {
		if j.inside.CompareAndSwap(n, n+1) {
			return true
		}
	}
	return false
}

// NewPool starts a pool of 1 to 256 workers; other numbers become the nearest of these.
func NewPool(workers int) *Pool {
	workers = min(max(workers, 1), maxWorkers)
	p := &Pool{workers: workers, helpers: make([]sleeper, workers-1)}
	if workers <= runtime.GOMAXPROCS(0) { // otherwise spinning may take the processor from a worker
		p.patience = patience
	}
	p.loop.inside.Store(over)
	p.caller.signal = make(chan struct{}, 1)
	for i := range p.helpers {
		p.helpers[i].signal = make(chan struct{}, 1)
		go p.help(i + 1)
	}
	return p
}

// Workers is the number of workers, the caller of Run included.
func (p *Pool) Workers() int { return p.workers }

// Run calls f(worker, task) for every task in [0, tasks) and returns when all are done. The caller is worker 0. There
// may be only one Run at a time. When a worker reads a mapped file that was cut short, Run panics with its fault once
// all workers have come to rest (see file.Guard).
func (p *Pool) Run(tasks int, f func(worker, task int)) {
	if tasks <= 1 || p.workers == 1 {
		for t := range tasks {
			f(0, t)
		}
		return
	}
	j := &p.loop
	helpers := min(p.workers, tasks) - 1
	j.tasks, j.run = int64(tasks), f
	j.next.Store(0)
	j.inside.Store(0)
	p.turn.Store((p.turn.Load()/maxWorkers+1)*maxWorkers + uint64(helpers))
	for i := range helpers {
		p.helpers[i].wake()
	}
	j.work(0)
	if j.inside.Add(over) != over {
		p.caller.wait(p.patience, func() bool { return j.inside.Load() == over })
	}
	if fault := j.fault.Swap(nil); fault != nil {
		panic(*fault)
	}
}

// help works on every loop that is wide enough for the worker, until the pool is closed.
func (p *Pool) help(worker int) {
	file.FaultsPanic()
	var seen uint64
	news := func() bool {
		turn := p.turn.Load()
		return turn != seen && uint64(worker) <= turn%maxWorkers // closed has room for everyone
	}
	for {
		p.helpers[worker-1].wait(p.patience, news)
		if seen = p.turn.Load(); seen == closed {
			return
		}
		if !p.loop.enter() {
			continue
		}
		p.loop.work(worker)
		if p.loop.inside.Add(-1) == over {
			p.caller.wake()
		}
	}
}

func (j *loop) work(worker int) {
	defer func() {
		p := recover()
		if p == nil {
			return
		}
		if file.Lost(p) == nil {
			panic(p)
		}
		fault := p // of its own: p stays off the heap
		j.fault.CompareAndSwap(nil, &fault)
	}()
	for {
		t := j.next.Add(1) - 1
		if t >= j.tasks {
			return
		}
		j.run(worker, int(t))
	}
}

// Close ends the workers.
func (p *Pool) Close() {
	p.turn.Store(closed)
	for i := range p.helpers {
		p.helpers[i].wake()
	}
}

// sleeper is how one goroutine waits for another.
type sleeper struct {
	asleep atomic.Bool
	signal chan struct{}
	// Where other programs compete for the processors, spinning keeps the awaited goroutine from running. So each time
	// it was in vain, about twice as many waits go straight to sleep.
	vain, skip int
	_          [24]byte // fills a cache line
}

// wait returns once ready is true. It spins for the given time before it sleeps, without yielding: that would move the
// goroutine to another thread's queue, and waking threads is what takes so long.
func (s *sleeper) wait(patience time.Duration, ready func() bool) {
	if s.skip > 0 {
		s.skip--
		patience = 0
	}
	const looks = 100 // between readings of the clock, a nanosecond or two each
	for start := time.Now(); patience > 0; {
		for range looks {
			if ready() {
				s.vain = 0
				return
			}
		}
		if time.Since(start) > patience {
			s.vain = min(2*s.vain+1, 31)
			s.skip = s.vain
			break
		}
	}
	for {
		s.asleep.Store(true)
		if ready() && s.asleep.CompareAndSwap(true, false) {
			return
		}
		<-s.signal // from the goroutine that has set asleep to false
		if ready() {
			return
		}
	}
}

// wake must be called after ready has become true.
func (s *sleeper) wake() {
	if s.asleep.CompareAndSwap(true, false) {
		s.signal <- struct{}{}
	}
}
