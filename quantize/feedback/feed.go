package feedback

import (
	"math"

	"bitmill/quantize/encode"
)

// widest sub-block of any grid.
const widest = 32

// rounded is what is chosen for a sub-block, in the order of its columns in the feedback.
type rounded struct {
	level [widest * blockRows]float32
	entry [widest / 4 * blockRows]int32
	move  [widest * blockRows]float32 // minus the errors: what the rounding of a column adds to it
}

// feeding is one way to round a sub-block of a row, value after value, each error moving the values behind it by the
// rows of root. Values and errors are in units of the scale, so that root is divided by its diagonal, which holds
// 1/diagonal² instead:
//
//	t[i] = (y[i] + low)/scale    e[i] = t[i] - level[i]    t[j] -= e[i]*root[i][j], j > i
//	loss = scale² Σ e[i]²*root[i][i]
//
// No product is fused with a sum. With a scale of zero, all levels are.
type feeding struct {
	grid  *encode.Grid
	sub   int
	root  []float32 // [sub][sub]
	limit float32   // of the loss: above it, there is no need to go on

	t, level, move [widest]float32
	entry          [widest / 4]int32
	unit, loss     float32
	zero           bool
}

// begin sets t from column lane of y.
func (f *feeding) begin(y []float32, lane int, scale, low float32) {
	f.unit, f.loss, f.zero = scale, 0, scale == 0
	if f.zero {
		f.unit = 1
	}
	inverse := 1 / f.unit
	for i := range f.sub {
		f.t[i] = float32((y[i*blockRows+lane] + low) * inverse)
	}
}

// run rounds all values and returns the loss.
func (f *feeding) run() float32 {
	if f.grid.Book != nil {
		return f.entries()
	}
	for i := range f.sub {
		if f.round(i, nearest(f.grid, f.t[i]), f.sub); f.total() >= f.limit {
			break
		}
	}
	return f.total()
}

func (f *feeding) total() float32 { return float32(f.unit*f.unit) * f.loss }

// round puts value i on a level. Its error moves the values before end.
func (f *feeding) round(i int, level float32, end int) {
	f.level[i] = level
	if f.zero {
		f.level[i], level = 0, 0
	}
	row, e := f.root[i*f.sub:][:f.sub], f.t[i]-level
	f.move[i] = -(e * f.unit)
	f.loss += float32(float32(e*e) * row[i])
	for j := i + 1; j < end; j++ {
		f.t[j] -= float32(e * row[j])
	}
}

// nearest is the level nearest to t.
func nearest(g *encode.Grid, t float32) float32 {
	if g.Table != nil {
		return g.Table[encode.NearestNonlinear(t)]
	}
	low, top := float32(g.Low), float32(g.Low+g.Top)
	if !(t > low) {
		return low
	}
	if !(t < top) {
		return top
	}
	return float32(math.RoundToEven(float64(t)))
}

// code is q of a level.
func code(g *encode.Grid, level float32) uint8 {
	if g.Table != nil {
		return encode.NearestNonlinear(level)
	}
	return uint8(int32(level) - g.Low)
}

// bestGeneric finds, for each row, the number of the candidate with the least loss below that given.
func (b *rowBlock) bestGeneric(loss, number *vector, y, root []float32) {
	f := feeding{grid: b.g, sub: b.sub, root: root}
	for r := range loss {
		for k := range b.list.count {
			f.begin(y, r, b.list.scale[k*blockRows+r], b.list.low[k*blockRows+r])
			f.limit = loss[r]
			if l := f.run(); l < loss[r] {
				loss[r], number[r] = l, float32(k)
			}
		}
	}
}

// roundGeneric rounds a sub-block with the scales of each row.
func (b *rowBlock) roundGeneric(y, root []float32, scale, low *vector) {
	f := feeding{grid: b.g, sub: b.sub, root: root, limit: float32(math.NaN())} // to the end
	for r := range scale {
		f.begin(y, r, scale[r], low[r])
		f.run()
		for i := range b.sub {
			b.now.level[i*blockRows+r], b.now.move[i*blockRows+r] = f.level[i], f.move[i]
		}
		if b.g.Book != nil {
			for i := range b.sub / b.g.Book.Dim {
				b.now.entry[i*blockRows+r] = f.entry[i]
			}
		}
	}
}
