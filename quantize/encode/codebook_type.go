package encode

// The i-quants of two and three bits: the magnitudes of 8 (IQ2) or 4 (IQ3) neighbouring values are rounded together to
// an entry of a codebook, x ~ ± scale * (2*level + 1), with one scale per sub-block of 16 or 32.
//
// A search tries inverse steps around top/largest. Each rounds the values to levels; a group whose levels are not in
// the codebook takes the near entry with the smallest sum of sqrt(weight) * error^2; the candidate that explains most
// wins (see fitSums). Then groups are rounded a second time, with the scale found, and the scale is fitted again.
//
// With weights of zero no candidate wins: all levels are then the lowest, with the scale that puts the largest
// magnitude on the highest (in IQ2_XXS the sub-block's scale is 0). A sub-block of zeros has scale 0 and index 0.

// codebookType is the part of one type that is its own.
type codebookType struct {
	book   func() *codebook
	bytes  int     // of a super-block
	size   int     // values in a sub-block
	steps  int     // candidates -steps..steps
	step   float32 // between candidates, in levels
	second second

	even   bool    // only seven signs of eight values are stored
	four   bool    // candidates lie around the scale that suits four levels, not the largest magnitude
	least  float32 // sub-blocks with smaller values only count as zero
	factor float32 // weights are importance * sqrt(factor * mean square of the super-block + x^2)

	plainWeights func(w, x []float32, variance float32) // without importance; variance is that factor * mean square
	pack         func(b []byte, s *codebookBlock)       // b is cleared
}

// second says which groups are rounded a second time, with the scale found.
type second uint8

const (
	nearOnes  second = iota // those that needed a near entry
	allIfNear               // all, if one needed a near entry
	always                  // all
)

// codebookBlock is the result for a super-block.
type codebookBlock struct {
	scale [16]float32 // of each sub-block
	empty [16]bool    // it counts as zero
	entry [64]int32   // of each group
	signs [32]uint8   // of 8 values each
}

// encode writes super-blocks in plain Go.
func (t *codebookType) encode(dst []byte, row, importance []float32) {
	f := codebookFit{book: t.book()}
	for at := 0; at < len(row); at += 256 {
		x := row[at : at+256]
		variance := float32(t.factor * sumSquares(x) / 256)
		var s codebookBlock
		for j := range 256 / t.size {
			sub, w := x[t.size*j:][:t.size], f.w[:t.size]
			if importance != nil {
				importanceWeights(w, importance[at+t.size*j:], sub, variance)
			} else {
				t.plainWeights(w, sub, variance)
			}
			f.fit(t, sub)
			s.put(j, t.size, &f)
		}
		out := dst[at/256*t.bytes:][:t.bytes]
		clear(out)
		t.pack(out, &s)
	}
}

// put stores the result for sub-block j.
func (s *codebookBlock) put(j, size int, f *codebookFit) {
	s.scale[j], s.empty[j] = f.scale, f.empty
	if groups := size / f.book.dim; !f.empty {
		copy(s.entry[j*groups:], f.entry[:groups])
		copy(s.signs[j*size/8:], f.signs[:size/8])
	}
}
