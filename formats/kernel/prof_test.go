package kernel

import (
	"fmt"
	"os"
	"testing"
	"time"
)

func TestProf(t *testing.T) {
	if os.Getenv("PROF") == "" {
		t.Skip()
	}
	for _, s := range Available()[1:] {
		if v := os.Getenv("PROFSET"); v != "" && v != s.Name {
			continue
		}
		for _, row := range types {
			if v := os.Getenv("PROF"); v != "all" && v != row.t.String() {
				continue
			}
			const rows, cols = 32, 2048
			rng := random(1)
			w := randomMatrix(rng, row.t, rows, cols)
			var best [2]time.Duration
			ns := [2]int{16, 512}
			var bs [2]*Batch
			var dst [2][]float32
			for i, n := range ns {
				bs[i] = loaded(t, s, row.t, randomFloats(rng, n*cols), n, cols)
				best[i] = time.Hour
				dst[i] = make([]float32, n*rows)
			}
			var sc Scratch
			for rep := 0; rep < 150; rep++ {
				for i := range ns {
					st := time.Now()
					s.MatMul(dst[i], rows, w, bs[i], 0, rows, &sc)
					best[i] = min(best[i], time.Since(st))
				}
			}
			per := float64(best[1]-best[0]) / float64(ns[1]-ns[0]) // ns per token
			u := float64(best[0]) - per*float64(ns[0])
			fmt.Printf("%-7s %-8s GOP/s@512 %6.1f  kernel %6.1f  unpack %6.1fus = %4.1f%%  (%.3f ns/weight)\n", s.Name, row.t, 2*rows*cols*512/float64(best[1]), 2*rows*cols/per, u/1000, 100*u/float64(best[1]), u/(rows*cols))
		}
	}
}
