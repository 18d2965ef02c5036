package machine_test

import (
	"errors"
	"fmt"

	"bitmill/eval/machine"
	"bitmill/formats/cpu"
)

// one is a pool of the calling goroutine; the engine's infer.Pool is another.
type one struct{}

func (one) Workers() int { return 1 }

func (one) Run(tasks int, f func(worker, task int)) {
	for i := range tasks {
		f(0, i)
	}
}

// What a megabyte of weights that stays in a cache is read with, and what energy a computation takes where that can be
// measured.
func Example() {
	fmt.Println(machine.ReadSpeed(one{}, cpu.Best(), 1<<20) > 1e6)
	meter, err := machine.OpenMeter("")
	if errors.Is(err, machine.ErrUnmeasured) {
		return // most virtual machines show no counters
	}
	defer meter.Close()
	if _, err = meter.Read(); err != nil {
		fmt.Println(err)
	}
	// Output: true
}
