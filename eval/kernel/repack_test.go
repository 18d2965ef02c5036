package kernel

import (
	"bytes"
	"errors"
	"testing"

	"bitmill/eval/kernel/layout"
	"bitmill/formats"
)

// repacked returns the matrix repacked, in two parts.
func repacked(t testing.TB, w Matrix) Matrix {
	t.Helper()
	return repackedBy(t, generic, w)
}

func repackedBy(t testing.TB, s *Set, w Matrix) Matrix {
	t.Helper()
	m := w
	m.Data, m.Repacked = make([]byte, w.RepackedBytes()), true
	half := w.Rows / 2 / lanes * lanes
	for _, part := range [][2]int{{half, w.Rows}, {0, half}} {
		if err := s.Repack(m.Data, w, part[0], part[1]); err != nil {
			t.Fatal(err)
		}
	}
	return m
}

// TestPackBits packs all codes in all slots and unpacks them again.
func TestPackBits(t *testing.T) {
	rng := random(1)
	for bits := 2; bits <= 8; bits++ {
		if bits == 7 {
			continue
		}
		g := layout.CodeGroupOf(bits)
		words, code4s := g.Words, len(g.Shifts)
		if words*8 != code4s*bits {
			t.Errorf("%d bits: %d words for %d code4s", bits, words, code4s)
		}
		for range 1000 {
			var q, back [8]uint32
			var w [5]uint32
			for i := range code4s {
				q[i] = rng.Uint32() & (1<<bits - 1) * each & rng.Uint32()
			}
			packBits(bits, &w, &q)
			if unpackBits(bits, &back, &w); back != q {
				t.Fatalf("%d bits: %x became %x in %x", bits, q, back, w)
			}
		}
	}
}

// TestRepack: the generic product of repacked rows equals that of stored ones to the last bit, so every code and scale
// is in its place.
func TestRepack(t *testing.T) {
	for _, typ := range types {
		for _, rows := range []int{15, 16, 37, 64} {
			rng := random(uint64(rows))
			cols := 3 * max(typ.BlockLen(), 32)
			w := randomMatrix(rng, typ, rows, cols)
			if repackLayoutOf(typ) == nil {
				if err := generic.Repack(make([]byte, 2*len(w.Data)), w, 0, rows); !errors.Is(err,
					formats.ErrUnsupported) {
					t.Errorf("%s: %v", typ, err)
				}
				continue
			}
			m := repacked(t, w)
			for _, s := range Available() {
				if !bytes.Equal(repackedBy(t, s, w).Data, m.Data) {
					t.Errorf("%s: %d rows repacked by %s differ from generic", typ, rows, s.Name)
				}
			}
			most := 64 * max(1, rows/lanes)
			if repackLayoutOf(typ).values != nil {
				most = 7 * len(w.Data) / 10 // codes may have more bits
			}
			if extra := len(m.Data) - len(w.Data); extra < 0 || extra >= most {
				t.Errorf("%s: %d rows take %d bytes, repacked %d", typ, rows, len(w.Data), len(m.Data))
			}
			x := loaded(t, generic, typ, randomFloats(rng, 2*cols), 2, cols)
			want := multiplied(t, generic, w, x, 0, rows, nil)
			for i, v := range multiplied(t, generic, m, x, 0, rows, nil) {
				if v != want[i] {
					t.Fatalf("%s: row %d of %d is %g, not %g", typ, i%rows, rows, v, want[i])
				}
			}
		}
	}
}

// TestRepackedExact is TestRowsExact of repacked rows: no addition rounds, so all sets agree to the last bit for few
// tokens, and where tiles are made from repacked rows.
func TestRepackedExact(t *testing.T) {
	for _, s := range others() {
		for _, typ := range types {
			if repackLayoutOf(typ) == nil {
				continue
			}
			form, _ := FormOf(typ)
			if form.float() {
				continue
			}
			for seed := range fewer(s, 20) {
				rng := random(uint64(seed))
				cols := (1 + seed%5) * form.blockLen()
				w := randomMatrix(rng, typ, 53, cols)
				setHalves(typ, w.Data, func() float32 { return 1 })
				m := repacked(t, w)
				x := randomFloats(rng, 11*cols)
				if seed == 0 { // the largest codes of one sign
					for i := range x {
						x[i] = 1
					}
					for i := range w.Data {
						w.Data[i] = 0xff
					}
					setHalves(typ, w.Data, func() float32 { return 1 })
					m = repacked(t, w)
				}
				many := loaded(t, s, typ, x, 11, cols)
				many.unscale()
				want := multiplied(t, generic, w, many, 0, 53, nil)
				for _, n := range []int{1, 2, 3, 4, 8, 11} {
					few := *many
					few.n = n
					for i, v := range multiplied(t, s, m, &few, 0, 53, nil) {
						if v != want[i] {
							t.Fatalf("%s %s, %d tokens, %d columns: token %d row %d is %g, not %g", s.Name, typ, n,
								cols, i/53, i%53, v, want[i])
						}
					}
				}
			}
		}
	}
}

// TestRepackedNear multiplies weights of all scales: sums of blocks are added in another order, and only that.
func TestRepackedNear(t *testing.T) {
	for _, s := range others() {
		for _, typ := range types {
			if repackLayoutOf(typ) == nil {
				continue
			}
			for _, n := range []int{1, 3, 9} {
				rng := random(uint64(n))
				cols := max(512, fewer(s, 2048))
				w := randomMatrix(rng, typ, 80, cols)
				m, b := repacked(t, w), loaded(t, s, typ, randomFloats(rng, n*cols), n, cols)
				compare(t, s.Name+" "+typ.String(), w, b, 0, 80, multiplied(t, s, m, b, 0, 80, nil),
					multiplied(t, generic, w, b, 0, 80, nil))
				compare(t, "part of "+typ.String(), w, b, 16, 48, multiplied(t, s, m, b, 16, 48, nil),
					multiplied(t, generic, w, b, 16, 48, nil))
			}
		}
	}
}

// TestRepackedRefused: what repacked rows cannot do is an error.
func TestRepackedRefused(t *testing.T) {
	rng := random(1)
	w := randomMatrix(rng, formats.Q4_K, 40, 256)
	m := repacked(t, w)
	dst := make([]float32, 40)
	var exact Activations
	if err := generic.Load(&exact, FormF32, randomFloats(rng, 256), 1, 256); err != nil {
		t.Fatal(err)
	}
	codes := loaded(t, generic, formats.Q4_K, randomFloats(rng, 256), 1, 256)
	var plain Activations
	if err := generic.Load(&plain, FormBF16, randomFloats(rng, 40), 1, 40); err != nil {
		t.Fatal(err)
	}
	short := m
	short.Data = short.Data[:len(short.Data)-1]
	for name, err := range map[string]error{
		"plain activations": generic.MatMul(dst, 40, m, &exact, 0, 40, nil),
		"a part of sixteen": generic.MatMul(dst, 40, m, codes, 8, 40, nil),
		"the first part":    generic.MatMul(dst, 40, m, codes, 0, 24, nil),
		"too few bytes":     generic.MatMul(dst, 40, short, codes, 0, 40, nil),
		"columns beyond": generic.MatMul(dst, 40, Matrix{formats.BF16, 16, 40, make([]byte, 16*80), true}, &plain,
			0, 16, nil),
		"repacked twice": generic.Repack(make([]byte, len(m.Data)), m, 0, 40),
		"no place":       generic.Repack(make([]byte, len(m.Data)-1), w, 0, 40),
		"odd rows":       generic.Repack(make([]byte, len(m.Data)), w, 1, 40),
	} {
		if err == nil {
			t.Errorf("%s: no error", name)
		}
	}
	if err := generic.MatMul(dst, 40, m, codes, 32, 40, nil); err != nil {
		t.Error(err)
	}
}

// TestRepackedE8M0: the exponents of MXFP4, the smallest ones too.
func TestRepackedE8M0(t *testing.T) {
	const rows, cols = 256, 160
	for _, s := range others() {
		rng := random(5)
		w := randomMatrix(rng, formats.MXFP4, rows, cols)
		for r := range rows {
			for b := range cols / 32 {
				w.Data[(r*cols/32+b)*17] = byte(r)
			}
		}
		x := randomFloats(rng, 9*cols)
		for i := range x {
			x[i] /= 1 << 20 // so that no product is infinite
		}
		m := repacked(t, w)
		for _, n := range []int{1, 9} {
			b := loaded(t, s, formats.MXFP4, x[:n*cols], n, cols)
			want := multiplied(t, generic, w, b, 0, rows, nil)
			for i, v := range multiplied(t, s, m, b, 0, rows, nil) {
				d := float64(v) - float64(want[i])
				if i%rows >= 240 { // times sums of codes this is no float32, before activations make it small
					continue
				}
				if v != want[i] && !(max(d, -d) <= 1e-5*float64(max(want[i], -want[i]))+1e-43) {
					t.Fatalf("%s, %d tokens: exponent %d gives %g, not %g", s.Name, n, i%rows, v, want[i])
				}
			}
		}
	}
}
