package kernel

import (
	"encoding/binary"
	"fmt"
	"os"
	"strings"
	"sync"
	"testing"
	"time"
)

// TestRowsExact gives blocks and activations scales of one, so that all sums are integers below 2^24 and no addition
// rounds: few tokens, many tokens (tiles) and generic must agree to the last bit.
func TestRowsExact(t *testing.T) {
	for _, s := range others() {
		for _, typ := range types {
			form, _ := FormOf(typ)
			if form.float() {
				continue
			}
			cols := 3 * max(form.blockLen(), typ.BlockLen())
			for seed := range fewer(s, 20) {
				rng := random(uint64(seed))
				w := randomMatrix(rng, typ, 19, cols)
				setHalves(typ, w.Data, func() float32 { return 1 })
				many := loaded(t, s, typ, randomFloats(rng, (rowTokens+1)*cols), rowTokens+1, cols)
				many.unscale()
				want := multiplied(t, generic, w, many, 0, 19, nil)
				for n := range rowTokens + 2 {
					few := *many
					few.n = n
					if n == 0 {
						continue
					}
					for i, v := range multiplied(t, s, w, &few, 0, 19, nil) {
						if v != want[i] {
							t.Fatalf("%s %s, %d tokens: token %d row %d is %g, not %g", s.Name, typ, n, i/19, i%19, v,
								want[i])
						}
					}
				}
			}
		}
	}
}

// unscale sets all scales of a batch to one.
func (b *Activations) unscale() {
	for i := range b.d {
		b.d[i] = 1
	}
	for i := range b.s {
		b.s[i] = float32(b.sums16[2*i]) + float32(b.sums16[2*i+1])
	}
	for t := range b.n {
		b.putTokenBlock(generic, t, t+1)
		b.putValues(t)
	}
}

// BenchmarkRows reports how many bytes of weights per second meet one token, when the weights come from memory, beside
// a loop that only reads them. The best of many short pieces counts: the machine may be shared. BITMILL_BENCH_CORES=2
// lets two goroutines work on halves of the rows.
func BenchmarkRows(b *testing.B) {
	const size, cols, pieces = 256 << 20, 4096, 32
	cores := 1
	if os.Getenv("BITMILL_BENCH_CORES") == "2" {
		cores = 2
	}
	for _, typ := range types {
		per, _ := typ.RowBytes(cols)
		rows := size / int(per) / pieces * pieces
		var w Matrix
		for _, s := range append([]*Set{{Name: "read"}}, Available()...) {
			for _, n := range []int{1} {
				b.Run(fmt.Sprintf("%s/%s/%d", typ, s.Name, n), func(b *testing.B) {
					if w.Data == nil {
						few := randomMatrix(random(1), typ, 64, cols)
						w = Matrix{Type: typ, Rows: rows, Cols: cols,
							Data: []byte(strings.Repeat(string(few.Data), rows/64+1))[:rows*int(per)]}
					}
					x := loaded(b, generic, typ, randomFloats(random(2), n*cols), n, cols)
					dst := make([]float32, n*rows)
					var scratch [2]Scratch
					count := rows / pieces
					if s == generic {
						count = 64
					}
					best, piece := time.Hour, 0
					for b.Loop() {
						first := piece % pieces * (rows / pieces)
						piece++
						start := time.Now()
						var wait sync.WaitGroup
						for c := range cores {
							r0, r1 := first+count*c/cores, first+count*(c+1)/cores
							work := func() {
								if s.Name == "read" {
									readAll(w.Data[r0*int(per) : r1*int(per)])
								} else if err := s.MatMul(dst, rows, w, x, r0, r1, &scratch[c]); err != nil {
									b.Error(err)
								}
							}
							if c == cores-1 {
								work()
							} else {
								wait.Go(work)
							}
						}
						wait.Wait()
						best = min(best, time.Since(start))
					}
					b.ReportMetric(float64(count)*float64(per)/best.Seconds()/1e9, "best-GB/s")
					b.ReportMetric(best.Seconds()*1e9/float64(count)/cols, "ns/weight")
				})
			}
		}
	}
}

var sink uint64

func readAll(p []byte) {
	var a, b, c, d uint64
	for ; len(p) >= 64; p = p[64:] {
		a += binary.LittleEndian.Uint64(p)
		b += binary.LittleEndian.Uint64(p[16:])
		c += binary.LittleEndian.Uint64(p[32:])
		d += binary.LittleEndian.Uint64(p[48:])
	}
	sink += a + b + c + d
}
