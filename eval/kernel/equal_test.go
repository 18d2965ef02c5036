package kernel

import (
	"fmt"
	"math"
	"testing"

	"bitmill/formats"
)

// others are the sets that are compared with generic: those for this CPU, and the portable ones.
func others() []*Set { return append(Available()[1:], portable, portableFull) }

// fewer is n, or a tenth of it for the portable sets, which are slow.
func fewer(s *Set, n int) int {
	if s == portable || s == portableFull {
		return n / 10
	}
	return n
}

// multiplied multiplies rows r0 .. r1-1 into a destination full of guards and checks that nothing else was written.
func multiplied(t testing.TB, s *Set, w Matrix, b *Activations, r0, r1 int, scratch *Scratch) []float32 {
	t.Helper()
	const guard = 12345.5
	stride := w.Rows + 3
	all := make([]float32, b.n*stride+64)
	for i := range all {
		all[i] = guard
	}
	dst := all[32 : 32+(b.n-1)*stride+r1]
	if err := s.MatMul(dst, stride, w, b, r0, r1, scratch); err != nil {
		t.Fatal(err)
	}
	out := make([]float32, 0, b.n*(r1-r0))
	for i, v := range all {
		at := i - 32
		inside := at >= 0 && at < b.n*stride && at%stride >= r0 && at%stride < r1
		switch {
		case inside:
			out = append(out, v)
		case v != guard:
			t.Fatalf("%s %s: element %d (token %d, row %d) written outside rows %d to %d", s.Name, w.Type, i,
				at/stride, at%stride, r0, r1)
		}
	}
	return out
}

// sizes is the magnitude of each product's terms: rounding errors are relative to it. The terms are blocks, whose
// products are integers; but products with few tokens (rows.go) leave a block's integer spread over lanes, each of
// which is rounded as it becomes a float: their terms are the products of single codes. TestRowsExact compares the
// integers.
func sizes(t testing.TB, w Matrix, b *Activations, r0, r1 int) []float32 {
	t.Helper()
	out := make([]float32, 0, b.n*(r1-r0))
	wt := weightTypeOf(w.Type)
	offset := min(wt.offset, 1) // 1: codes have an offset
	for tok := range b.n {
		for r := r0; r < r1; r++ {
			var s Scratch
			var sum float64
			switch {
			case wt.kquant != nil:
				stored := w.stored()
				unpackKQuantRow(&stored, r, &s)
				for i := range s.scales {
					sc := &s.scales[i]
					var codes, mins, single, singleMins float64
					for g := range 256 / wt.group {
						var q, c float64
						for k := range wt.group {
							at := 256*i + wt.group*g + k
							q += float64(b.codes[tok*b.stride+at])
							c += float64(b.codes[tok*b.stride+at]) * float64(s.bytes[at])
							single += math.Abs(float64(b.codes[tok*b.stride+at]) *
								(float64(sc.scales[g])*float64(s.bytes[at]) - float64(offset)*float64(sc.mins[g])))
						}
						codes += float64(sc.scales[g]) * c
						mins += float64(sc.mins[g]) * q
						singleMins += math.Abs(float64(sc.mins[g]) * q)
					}
					d := math.Abs(float64(b.d[tok*(b.cols/256)+i]))
					if b.n <= rowTokens {
						codes, mins = single, singleMins*float64(1-offset)
					}
					if wt.offset > 0 {
						sum += d * math.Abs(float64(sc.d)) * math.Abs(codes-mins)
					} else {
						sum += d * (math.Abs(float64(sc.d)*codes) + math.Abs(float64(sc.dmin)*mins))
					}
				}
			case wt.legacy != nil:
				stored := w.stored()
				unpackLegacyRow(&stored, r, &s)
				for i := range b.cols / 32 {
					p, single := 0, 0
					for k := range 32 {
						v := int(b.codes[tok*b.stride+32*i+k]) * (int(s.bytes[32*i+k]) - wt.offset)
						p, single = p+v, single+max(v, -v)
					}
					if b.n <= rowTokens {
						p = single
					}
					sum += math.Abs(float64(s.floats[2*i]*b.d[tok*(b.cols/32)+i]) * float64(p))
					if b.form == FormQ8_1 {
						sum += math.Abs(float64(s.floats[2*i+1] * b.s[tok*(b.cols/32)+i]))
					}
				}
			default:
				values := make([]float32, w.Cols)
				decode(t, w, r, values)
				for k, v := range values {
					sum += math.Abs(float64(v) * float64(b.f32[tok*b.stride+k]))
				}
			}
			out = append(out, float32(sum))
		}
	}
	return out
}

func compare(t testing.TB, name string, w Matrix, b *Activations, r0, r1 int, got, want []float32) {
	t.Helper()
	size := sizes(t, w, b, r0, r1)
	for i := range want {
		if d := math.Abs(float64(got[i]) - float64(want[i])); !(d <= 1e-6*float64(size[i])) {
			t.Fatalf("%s: token %d row %d: %g, generic %g (off by %g of %g)", name, i/(r1-r0), r0+i%(r1-r0), got[i],
				want[i], d, size[i])
		}
	}
}

func TestMatMulEqual(t *testing.T) {
	for _, s := range others() {
		for _, typ := range types {
			t.Run(fmt.Sprint(s.Name, "/", typ), func(t *testing.T) {
				var scratch Scratch
				unit := typ.BlockLen()
				columns := []int{unit, 2 * unit, 3 * unit, 256, 1280, 2304}
				if unit == 1 {
					columns = append(columns, 5, 7, 8, 31, 257)
				}
				for i, cols := range columns {
					if cols%unit != 0 || cols > fewer(s, 10*256) && typ != formats.Q4_K && typ != formats.Q5_0 {
						continue
					}
					rng := random(uint64(cols))
					w := randomMatrix(rng, typ, 37, cols)
					counts := []int{1, 2, 3, 4, 5, 9, 31}
					if i > 3 {
						counts = []int{1, 6, rowTokens + 2} // tiles of 1024 columns one after the other
					}
					for _, n := range counts {
						b := loaded(t, s, typ, randomFloats(rng, n*cols), n, cols)
						want := multiplied(t, generic, w, b, 0, 37, nil)
						compare(t, fmt.Sprint(cols, " columns, ", n, " tokens"), w, b, 0, 37,
							multiplied(t, s, w, b, 0, 37, &scratch), want)
					}
				}
				// Any range of rows.
				cols := max(unit, 32)
				rng := random(9)
				w := randomMatrix(rng, typ, 37, cols)
				b := loaded(t, s, typ, randomFloats(rng, 5*cols), 5, cols)
				for r0 := range fewer(s, 20) {
					for _, r1 := range []int{r0, r0 + 1, r0 + 7, r0 + 8, r0 + 16, r0 + 17, 37} {
						want := multiplied(t, generic, w, b, r0, r1, nil)
						compare(t, fmt.Sprint("rows ", r0, " to ", r1), w, b, r0, r1,
							multiplied(t, s, w, b, r0, r1, &scratch), want)
					}
				}
			})
		}
	}
}

func TestMatMulNoColumns(t *testing.T) {
	for _, s := range Available() {
		b := loaded(t, s, formats.Q4_K, nil, 2, 0)
		for _, v := range multiplied(t, s, Matrix{Type: formats.Q4_K, Rows: 17}, b, 0, 17, nil) {
			if v != 0 {
				t.Fatalf("%s: a sum of nothing is %g", s.Name, v)
			}
		}
	}
}

// TestMatMulManyTokens multiplies a prompt of 512 tokens.
func TestMatMulManyTokens(t *testing.T) {
	for _, s := range others() {
		for _, typ := range []formats.Type{formats.F16, formats.Q8_0, formats.Q5_1, formats.Q3_K, formats.Q4_K} {
			rng := random(uint64(typ))
			w := randomMatrix(rng, typ, 19, 512)
			b := loaded(t, s, typ, randomFloats(rng, 512*512), 512, 512)
			compare(t, typ.String(), w, b, 0, 19, multiplied(t, s, w, b, 0, 19, nil),
				multiplied(t, generic, w, b, 0, 19, nil))
		}
	}
}

// TestExtremes sets every bit of the weights alike and every activation code to its limits. Scales are 1, so the
// products are integers: a sum that overflows 16 bits would be off by far more than rounding.
func TestExtremes(t *testing.T) {
	const cols = 512
	for _, s := range others() {
		for _, typ := range types {
			if form, _ := FormOf(typ); form.float() {
				continue
			}
			for _, fill := range []byte{0x00, 0x7f, 0x80, 0xff} {
				w := randomMatrix(random(1), typ, 17, cols)
				for i := range w.Data {
					w.Data[i] = fill
				}
				setHalves(typ, w.Data, func() float32 { return 1 })
				limits := [][2]int8{{127, 127}, {-128, -128}, {127, -128}, {-127, 127}}
				for _, n := range []int{fullTokens, fullTokens + 1, rowTokens + 1} { // rows, and tiles of all kinds
					b := loaded(t, s, typ, make([]float32, n*cols), n, cols)
					for tok := range n {
						b.fill(tok, limits[tok%len(limits)])
					}
					got, want := multiplied(t, s, w, b, 0, 17, nil), multiplied(t, generic, w, b, 0, 17, nil)
					name := fmt.Sprintf("%s %s filled with %#02x, %d tokens", s.Name, typ, fill, n)
					compare(t, name, w, b, 0, 17, got, want)
					if repackLayoutOf(typ) != nil {
						compare(t, name+", repacked", w, b, 0, 17,
							multiplied(t, s, repacked(t, w), b, 0, 17, nil), want)
					}
				}
			}
		}
	}
}

// fill sets a token's codes to a repeated pair, its scales to 1, and its sums to match.
func (b *Activations) fill(t int, pair [2]int8) {
	for k := range b.cols {
		b.codes[t*b.stride+k] = pair[k%2]
		if b.form == FormQ8_0 {
			b.int16s[t*b.stride+k] = int16(pair[k%2])
		}
	}
	blocks := b.cols / b.form.blockLen()
	for i := range blocks {
		b.d[t*blocks+i] = 1
		if b.form == FormQ8_1 {
			b.s[t*blocks+i] = 16 * float32(int(pair[0])+int(pair[1]))
		}
	}
	for i := range b.cols / 16 {
		b.sums16[t*b.cols/16+i] = 8 * (int16(pair[0]) + int16(pair[1]))
	}
	if b.form == FormQ8_K {
		for i := range b.cols / 32 {
			b.sums32[t*b.cols/32+i] = 16 * (int16(pair[0]) + int16(pair[1]))
		}
	}
	b.putTokenBlock(generic, t, t+1)
	b.putValues(t)
}

// TestMatMulAllocations: nothing is allocated once the scratch has grown.
func TestMatMulAllocations(t *testing.T) {
	for _, s := range Available() {
		for _, typ := range types {
			for _, n := range []int{1, rowTokens, rowTokens + 1} {
				rng := random(3)
				w := randomMatrix(rng, typ, 17, 512)
				x := randomFloats(rng, n*512)
				b := loaded(t, s, typ, x, n, 512)
				var scratch Scratch
				dst := make([]float32, n*17)
				run := func() {
					if err := s.Load(b, b.form, x, n, 512); err != nil {
						t.Fatal(err)
					}
					if err := s.MatMul(dst, 17, w, b, 0, 17, &scratch); err != nil {
						t.Fatal(err)
					}
				}
				for range 2 {
					run()
					if count := testing.AllocsPerRun(3, run); count != 0 {
						t.Errorf("%s %s: %g allocations in a product with %d tokens", s.Name, typ, count, n)
					}
					if !s.WantsRepacked(w) {
						break
					}
					w = repacked(t, w)
				}
			}
		}
	}
}
