package encode

// batchValues is how many values are worked on together: eight super-blocks of 256, so that their own scales fill
// lanes too.
const batchValues = 8 * 256

// maxColumns is the widest table.
const maxColumns = 32

// table is rows of lanes.columns floats, as many as a sub-block has values.
type table [32 * maxColumns]float32

// workspace is the working space for a batch, which is batchValues values of a row.
type workspace struct {
	// first, to lie on cache lines: a batch is large enough for pages of its own
	tableX table
	_      [160]float32 // see TestTablesApart
	tableW table
	_      [704]float32
	tableQ table
	state  [16 * maxColumns]float32
	steps  [64]float32

	*lanes
	padded, paddedImportance [batchValues]float32 // copies of a row's end

	x, importance *[batchValues]float32 // the values; importance is nil without an imatrix
	w             [batchValues]float32

	// One per sub-block, at most 16 in each super-block.
	affine         [8 * 16]affine
	symmetric      [8 * 16]symmetric
	sums           [8 * 16]float32 // of w
	scale, offset  [8 * 16]float32 // final ones, which the levels are found with
	s, t           [8 * 16]uint8   // levels of scales and minima
	means, d, dmin [8]float32
	absMaxBits     [8 * 16]uint32 // of the largest magnitude
	empty          [8]bool        // Q6_K: nothing but zeros
	common         [8]symmetric   // Q3_K: scales of scales

	q [batchValues]uint8

	codebook codebookSpace
	iq1      iq1Space
}

// each sets the batch on one stretch of rows after the other; f gets the index of the first value and their number.
// importance is as long as a row, and rows may follow each other. A last stretch that is shorter is copied, and zeros follow.
func (ws *workspace) each(rows, importance []float32, f func(at, n int)) {
	for at := 0; at < len(rows); at += batchValues {
		n := min(batchValues, len(rows)-at)
		ws.x = fill(&ws.padded, n, rows[at:], nil)
		ws.importance = nil
		if importance != nil {
			ws.importance = fill(&ws.paddedImportance, n, importance[at%len(importance):], importance)
		}
		f(at, n)
	}
}

// fill returns the start of v, or where that is short a copy of n values, of v and then more and more, with zeros behind.
func fill(space *[batchValues]float32, n int, v, more []float32) *[batchValues]float32 {
	if len(v) >= batchValues {
		return (*[batchValues]float32)(v)
	}
	have := copy(space[:n], v)
	for have < n {
		have += copy(space[have:n], more)
	}
	clear(space[n:])
	return space
}

// weigh sets w = importance * sqrt(factor * mean square of the super-block + x^2).
func (ws *workspace) weigh(factor float32) {
	ws.lanes.sumSquares(&ws.means[0], &ws.x[0], 256)
	for i, s := range ws.means {
		ws.importanceWeights(&ws.w[256*i], &ws.importance[256*i], &ws.x[256*i], 256, float32(factor*s/256))
	}
}

// row is a row of the state table.
func (ws *workspace) row(i int) []float32 { return ws.state[i*ws.columns:][:ws.columns] }

// column copies a table's column.
func (ws *workspace) column(dst []float32, t *table, c int) []float32 {
	for i := range dst {
		dst[i] = t[i*ws.columns+c]
	}
	return dst
}
