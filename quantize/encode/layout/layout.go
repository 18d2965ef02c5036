// Package layout is the memory that plain Go and the assembly of package encode share: rows of state tables and lists
// of near codebook entries. The generator (eval/kernel/_asm) and package encode both import it, so neither can change
// alone.
package layout

// Rows of the state table of searchAffine: first the results, then what outlives a pass over the values.
const (
	AffineScale = iota
	AffineMin
	AffineInverse // of the candidate that won: its inverse step
	AffineOrigin  // and what it measured from
	AffineSum     // of the weights
	AffineZero    // mask: all values equal and none positive
	AffineRedo    // mask: something happened that plain Go must look at
	AffineSumX    // of weights times values
	AffineLow     // the minimum to measure from, at most 0
	AffineHigh    // the largest value
	AffineFloor   // the first low
	AffineBest    // the smallest error
	AffineStep    // the candidate's inverse step
)

// Rows of the state table of searchSymmetric.
const (
	SymmetricScale   = iota
	SymmetricInverse // the step that won
	SymmetricSum     // of the weights
	SymmetricZero    // mask: nothing but zeros
	SymmetricRedo    // mask: something happened that plain Go must look at
)

// Rows of the state table of refineSymmetric.
const (
	RefineScale = iota
	RefineRedo  // mask: something happened that plain Go must look at
)

// Rows of the state table of the search for scales that are not negative.
const (
	NonnegScale = iota
	NonnegRedo  // mask: something happened that plain Go must look at
)

// Rows of the state table of the search for the levels of IQ4_NL and IQ4_XS.
const (
	NonlinearScale = iota
	NonlinearBest
	NonlinearZero // mask: nothing but zeros
)

// Rows of the state table of the split of IQ1_S and IQ1_M.
const (
	IQ1Scale = iota
	IQ1Score
	IQ1Number // of the best choice, or -1
)

// Rows of the state table of the search over codebook entries.
const (
	CodebookLargest = iota // at least 0
	CodebookReach          // largest magnitude
	CodebookRedo           // mask: something happened that plain Go must look at
	CodebookInverse        // of the candidate
	CodebookStep           // the candidate's scale
	CodebookBest
	CodebookScale // of the best candidate
	CodebookXQ    // sums of the candidate
	CodebookQ2
	CodebookDivisor // what candidates divide by: the extreme, or the scale found
	CodebookRows
)

// Groups are the vectors of a table's row: two keep the adders busy, and their running sums fit the registers.
const Groups = 2

// A code that is not in the codebook has an entry of ^(at<<CountBits | count): its near entries start at ListAlign*at,
// and what is left of the last ListAlign repeats the first.
const (
	CountBits = 9
	ListAlign = 16
	NearMark  = 1 << 16 // added to the index of a near entry that lanes found
)

// BookNear is how many near entries a method that chooses them in its own way tries: see Book of package encode.
const BookNear = 6
