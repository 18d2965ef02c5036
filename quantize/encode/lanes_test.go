package encode

import (
	"bytes"
	"fmt"
	"math"
	"math/rand/v2"
	"testing"
	"unsafe"

	"bitmill/formats"
	"bitmill/formats/cpu"
)

// runnableLanes are the lanes that this machine can run.
func runnableLanes() (sets []*lanes) {
	for _, k := range cpu.Available() {
		for _, l := range nativeLanes {
			if l.name == k {
				sets = append(sets, l)
			}
		}
	}
	return sets
}

// compareLanes encodes rows on lanes and by plain Go. The first batch is used for all, so that nothing may be left
// over.
func compareLanes(t *testing.T, name string, src []float32, cols int, importance []float32) {
	t.Helper()
	for _, set := range runnableLanes() {
		ws := &workspace{lanes: set}
		for _, e := range encoders {
			if e.lanes == nil {
				continue
			}
			size, err := e.typ.RowBytes(int64(cols))
			if err != nil || importance == nil && NeedsImportance(e.typ) {
				continue
			}
			want, got := make([]byte, size), make([]byte, size)
			compareAcross(t, set.name+", "+e.typ.String()+", "+name, e.typ, src, cols, importance, func(dst []byte) { e.lanes(ws, dst, src, importance) })
			for r := range len(src) / cols {
				row := src[r*cols : (r+1)*cols]
				e.row(want, row, importance)
				for i := range got {
					got[i] = 0x5a
				}
				e.lanes(ws, got, row, importance)
				if !bytes.Equal(got, want) {
					at := 0
					for got[at] == want[at] {
						at++
					}
					t.Errorf("%s, %s, %s: row %d of %d values differs from plain Go's at byte %d", set.name, e.typ, name, r, cols, at)
				}
			}
		}
	}
}

// compareAcross encodes rows that follow each other.
func compareAcross(t *testing.T, name string, typ formats.Type, src []float32, cols int, importance []float32, encode func(dst []byte)) {
	t.Helper()
	if find(typ).batching != acrossRows {
		return
	}
	size, _ := typ.RowBytes(int64(len(src)))
	want, got := make([]byte, size), make([]byte, size)
	for r, stride := 0, int(size)*cols/len(src); r < len(src)/cols; r++ {
		find(typ).row(want[r*stride:(r+1)*stride], src[r*cols:(r+1)*cols], importance)
	}
	encode(got)
	if !bytes.Equal(got, want) {
		t.Errorf("%s: rows that follow each other differ from plain Go's", name)
	}
}

// TestLanesAwkward: rows that lead the searches into their corners, with every importance.
func TestLanesAwkward(t *testing.T) {
	src := awkwardRows()
	for name, importance := range awkwardImportance() {
		compareLanes(t, "importance "+name, src, awkwardCols, importance)
	}
}

// TestLanesLengths: rows of every length up to beyond a batch.
func TestLanesLengths(t *testing.T) {
	rng := rand.New(rand.NewPCG(3, 4))
	for cols := 32; cols <= 2*batchValues+512; cols += 32 {
		if cols%256 != 0 && cols > 1024 && cols%480 != 0 {
			continue
		}
		src, importance := make([]float32, cols), make([]float32, cols)
		for i := range src {
			src[i] = float32(rng.NormFloat64())
			importance[i] = float32(rng.ExpFloat64())
		}
		compareLanes(t, "plain", src, cols, nil)
		compareLanes(t, "importance", src, cols, importance)
	}
	for _, cols := range []int{256, 512, 768, 2304} { // rows that end within a batch
		src, importance := make([]float32, 11*cols), make([]float32, cols)
		for i := range src {
			src[i] = float32(rng.NormFloat64())
		}
		for i := range importance {
			importance[i] = float32(rng.ExpFloat64())
		}
		compareLanes(t, "rows", src, cols, nil)
		compareLanes(t, "rows with importance", src, cols, importance)
	}
}

// TestTablesApart: tables start on cache lines, or wide loads would touch two; and no two of them lie alike in their
// pages, or a load would wait for the store of another table's row.
func TestTablesApart(t *testing.T) {
	ws := workspaces.New().(*workspace)
	const line, page, rows = 64, 4096, 5 * 128
	var at [3]uintptr
	for i, p := range []*table{&ws.tableX, &ws.tableW, &ws.tableQ} {
		at[i] = uintptr(unsafe.Pointer(p))
		if at[i]%line != 0 {
			t.Errorf("table %d starts at %#x, within a cache line", i, at[i])
		}
		for _, other := range at[:i] {
			if d := (at[i] - other) % page; d < rows || d > page-rows {
				t.Errorf("tables lie alike in their pages: %d bytes apart", d)
			}
		}
	}
}

// TestLanesBits: values and importance of every kind of bits, numbers or not, in blocks that mix them with ordinary
// ones.
func TestLanesBits(t *testing.T) {
	rng := rand.New(rand.NewPCG(5, 6))
	special := []float32{0, float32(math.Copysign(0, -1)), math.SmallestNonzeroFloat32, -math.SmallestNonzeroFloat32, 0x1p-126, 1, -1,
		math.MaxFloat32, -math.MaxFloat32, float32(math.Inf(1)), float32(math.Inf(-1)), float32(math.NaN())}
	const cols = 768
	src, importance := make([]float32, cols), make([]float32, cols)
	for round := range 60 {
		scale := math.Ldexp(1, rng.IntN(260)-130)
		fill := func(v []float32, positive bool, kinds int) {
			for i := range v {
				v[i] = float32(rng.NormFloat64() * scale)
				switch kind := rng.IntN(40); {
				case kind < kinds && kind%2 == 0:
					v[i] = special[rng.IntN(len(special))]
				case kind < kinds:
					v[i] = math.Float32frombits(rng.Uint32())
				}
				if positive {
					v[i] = float32(math.Abs(float64(v[i])))
				}
			}
		}
		fill(src, false, round%4)
		compareLanes(t, fmt.Sprintf("bits %d", round), src, cols, nil)
		scale = 1
		fill(importance, true, round%3*2)
		compareLanes(t, fmt.Sprintf("bits %d with importance", round), src, cols, importance)
	}
}

// FuzzLanes compares lanes with plain Go on any bits.
func FuzzLanes(f *testing.F) {
	f.Add([]byte("bits of a few values"), []byte("bits of a few weights"))
	f.Fuzz(func(t *testing.T, values, weights []byte) {
		const cols = 512
		src, importance := make([]float32, cols), make([]float32, cols)
		for i, v := range [][]byte{values, weights} {
			to := [][]float32{src, importance}[i]
			for k := range min(cols, len(v)/4) {
				to[k] = math.Float32frombits(uint32(v[4*k]) | uint32(v[4*k+1])<<8 | uint32(v[4*k+2])<<16 | uint32(v[4*k+3])<<24)
			}
		}
		compareLanes(t, "plain", src, cols, nil)
		compareLanes(t, "importance", src, cols, importance)
	})
}

// TestGenericByEnvironment: the kernel set generic means plain Go here too.
func TestGenericByEnvironment(t *testing.T) {
	t.Setenv(cpu.Env, "generic")
	if l := chosenLanes(); l != nil {
		t.Errorf("%s=generic chooses %s", cpu.Env, l.name)
	}
	if find(formats.Q4_K).onLanes(chosenLanes(), make([]byte, 144), make([]float32, 256), 256, 144, nil) {
		t.Error("rows were encoded on lanes")
	}
}

// TestLanesAffineFits compares the fits themselves: rounding hides much of what differs between them.
func TestLanesAffineFits(t *testing.T) {
	src := awkwardRows()
	same := func(a, b float32) bool { return math.Float32bits(a) == math.Float32bits(b) || a != a && b != b }
	for name, importance := range awkwardImportance() {
		if importance == nil {
			continue
		}
		for _, set := range runnableLanes() {
			ws := &workspace{lanes: set}
			for r := range len(src) / awkwardCols {
				ws.each(src[r*awkwardCols:][:awkwardCols], importance, func(_, n int) {
					ws.w = *ws.importance
					for _, size := range []int{16, 32} {
						for _, absolute := range []bool{false, true} {
							ws.searchAffine(n, size, 15, weightedSteps, absolute, fromRow)
							for j := range n / size {
								x, w := ws.x[j*size:][:size], ws.w[j*size:][:size]
								got, want := ws.affine[j], searchAffine(x, w, 15, weightedSteps, absolute)
								if !same(got.scale, want.scale) || !same(got.min, want.min) || got.zero != want.zero ||
									!want.zero && (!same(got.inverse, want.inverse) || !same(got.origin, want.origin)) || !same(ws.sums[j], sum(w)) {
									t.Errorf("%s, importance %s, row %d, sub-block %d of %d: %+v, plain Go finds %+v", set.name, name, r, j, size, got, want)
								}
							}
						}
					}
				})
			}
		}
	}
}

// TestFiniteAnywhere: one bad value among many is seen, wherever it is, and none where there is none.
func TestFiniteAnywhere(t *testing.T) {
	src := make([]float32, 8192)
	for i := range src {
		src[i] = float32(math.Ldexp(-1, i%250-125))
	}
	src[1] = -math.MaxFloat32
	for _, l := range runnableLanes() {
		if !l.finite(src) {
			t.Errorf("%s: finite values are taken for others", l.name)
		}
		for at := 0; at < len(src); at += 37 {
			for _, bad := range []float32{float32(math.NaN()), float32(math.Inf(1)), float32(math.Inf(-1)), math.Float32frombits(0xff800001)} {
				good := src[at]
				src[at] = bad
				if l.finite(src) {
					t.Errorf("%s: %v at %d is taken for finite", l.name, bad, at)
				}
				src[at] = good
			}
		}
	}
}

// TestLanesZeros: which of several zeros a search meets first shows in the sign of a stored minimum.
func TestLanesZeros(t *testing.T) {
	rng := rand.New(rand.NewPCG(7, 8))
	negative := float32(math.Copysign(0, -1))
	const cols = 512
	src := make([]float32, cols)
	for _, values := range [][]float32{{0, negative}, {0, negative, 1, 2}, {0, negative, -1, -3}, {1, -1}, {2, -2, 0, negative}} {
		for range 8 {
			for i := range src {
				src[i] = values[rng.IntN(len(values))]
			}
			compareLanes(t, fmt.Sprint(values), src, cols, nil)
			for name, importance := range awkwardImportance() {
				compareLanes(t, fmt.Sprint(values, " importance ", name), src, cols, importance)
			}
		}
	}
}
