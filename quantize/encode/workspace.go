package encode

// batchValues is the number of values in a batch: eight super-blocks of 256, so that the scales of super-blocks fill
// lanes too.
const batchValues = 8 * 256

// maxColumns is the number of columns of the widest table.
const maxColumns = 32

// table is rows of lanes.columns floats: a row for each value of a sub-block, a column for each sub-block.
type table [32 * maxColumns]float32

// workspace is the memory for a batch of values, on its way through lanes.
type workspace struct {
	// first, to lie on cache lines: a workspace is large enough for pages of its own
	tableX table
	_      [160]float32 // see TestTablesApart
	tableW table
	_      [704]float32
	tableQ table
	state  [16 * maxColumns]float32
	steps  [64]float32

	*lanes
	padded, paddedImportance [batchValues]float32 // copies of a row's end
	again                    [2][32]float32       // see column

	x, importance *[batchValues]float32 // the values; importance is nil without an imatrix
	w             [batchValues]float32

	// One per sub-block, at most 16 in each super-block.
	affine         [8 * 16]affine
	symmetric      [8 * 16]symmetric
	sums           [8 * 16]float32 // of w
	scale, offset  [8 * 16]float32 // final ones, from which the levels follow
	s, t           [8 * 16]uint8   // levels of scales and minima
	means, d, dmin [8]float32
	absMaxBits     [8 * 16]uint32 // of the largest magnitude
	empty          [8]bool        // Q6_K: nothing but zeros
	common         [8]symmetric   // Q3_K: scales of scales

	q [batchValues]uint8

	codebook codebookSpace
	iq1      iq1Space
}

// each goes through rows batch by batch; f gets the index of the first value and the number of values. importance is as
// long as a row, and rows may follow each other. A shorter last batch is copied, and zeros follow.
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

// fill returns the start of v. Where v is too short, it returns a copy of n values, of v and then more, again and
// again, with zeros behind.
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

// column copies the n values and weights in column c of the tables, for plain Go to search.
func (ws *workspace) column(n, c int) (x, w []float32) {
	x, w = ws.again[0][:n], ws.again[1][:n]
	for i := range n {
		x[i], w[i] = ws.tableX[i*ws.columns+c], ws.tableW[i*ws.columns+c]
	}
	return x, w
}
