package encode

import (
	"sync"

	"bitmill/formats/cpu"
)

// lanes are the functions of one instruction set that search many sub-blocks at once, one per SIMD lane. A lane does
// the operations of plain Go on its sub-block, one by one, so the bytes are the same; where it cannot (rounding beyond
// 2^22, numbers that are not finite) it notes that, and plain Go does the sub-block again.
//
// Lanes work on tables of [element][column], a column being a sub-block.
type lanes struct {
	name    string // of the instruction set, see package cpu
	width   int    // lanes of a vector
	columns int    // of a table: two vectors

	// searches: results are rows of the table state (package layout); groups are the vectors of a row that are searched
	affineSquares, affineMagnitudes func(state, x, w, q *float32, n int, steps *float32, below, count int)
	symmetric                       func(state, x, w, wx *float32, n, groups int, steps *float32, inside, pairs int)
	nonneg                          func(state, x, w, q *float32, n, groups int, steps *float32, count int)
	refine                          func(state, x, q *float32, n int, lowest *float32)
	codebooks                       codebookLanes
	iq1Lanes
	nonlinear func(state, x, w *float32, n int, steps *float32, count int)

	// rows of values: tables from them, weights, levels
	transpose           func(dst, src *float32, columns, n int)
	sumSquares          func(dst, x *float32, n int)
	sumMagnitudes       func(dst, x *float32, n int)
	importanceWeights   func(w, importance, x *float32, n int, variance float32)
	spread              func(w, x *float32, columns, n int, size float32)
	magnitudes, squares func(w, x *float32, n int)
	quotient, product   func(q *byte, x, scale, offset *float32, count, n, low, high int)

	// conversions without a search
	largestBits       func(x *float32, n int) uint32
	q8                func(dst *byte, x *float32, blocks int)
	float16, bfloat16 func(dst *byte, x *float32, n int)
	evenSymmetric     func(q *byte, d, x *float32, blocks, lowest int)
	evenAffine        func(q *byte, d, low, x *float32, blocks, top int)
	absMax            func(dst *uint32, x *float32, count, n int)
	signs             func(dst *byte, x *float32, n int)
	roundHalfAway     func(q *byte, x, inverse *float32, count, n, top int)
	float4            func(q *byte, x, d *float32, count, n int)
}

// chosenLanes are the lanes of the instruction set in use (see cpu.Best and cpu.Env), or nil for plain Go.
func chosenLanes() *lanes {
	name := cpu.Best()
	for _, l := range nativeLanes {
		if l.name == name {
			return l
		}
	}
	return nil
}

// workspaces are kept for reuse: a goroutine borrows one for an Encode.
var workspaces = sync.Pool{New: func() any { return new(workspace) }}

// onLanes encodes rows on lanes; it reports false when the type has none, or the set is nil.
func (e *encoder) onLanes(set *lanes, dst []byte, src []float32, cols, stride int, importance []float32) bool {
	if set == nil || e.lanes == nil {
		return false
	}
	ws := workspaces.Get().(*workspace)
	defer workspaces.Put(ws)
	ws.lanes = set
	if e.batching == acrossRows {
		e.lanes(ws, dst, src, importance)
		return true
	}
	for r := range len(src) / cols {
		e.lanes(ws, dst[r*stride:(r+1)*stride], src[r*cols:(r+1)*cols], importance)
	}
	return true
}
