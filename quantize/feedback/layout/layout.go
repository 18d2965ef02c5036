// Package layout is the memory that plain Go and the assembly of package feedback share. The generator
// (eval/kernel/_asm) and package feedback both import it, so neither can change alone.
package layout

const (
	Candidates = 2  // at once: their chains of operations hide each other's latency
	Columns    = 32 // of the widest sub-block
	Signs      = 8  // columns whose signs are chosen at once, with a codebook
)

// Working space of a function that rounds sub-blocks is rows of vectors, one for each of the candidates at once.
const (
	FeedInverse = iota // of the scale
	FeedLow            // what is added to values before
	FeedSize           // the scale squared
	FeedUnit           // minus the scale
	FeedBottom         // the lowest level; without integers, bits that are set where the scale is not zero
	FeedTop            // the highest
	FeedNumber         // of the candidate
	FeedLoss

	// With a codebook.
	FeedIndex  // of the first near entry
	FeedPacked // a near entry: see encode.Book.Packed
	FeedPick   // the one with the least loss
	FeedLeast  // this loss

	FeedErrors                        // of the columns
	FeedValues = FeedErrors + Columns // of the columns whose signs are chosen at once
	FeedSigns  = FeedValues + Signs   // their sign bits
	FeedRows   = FeedSigns + Signs
)

// Rows of the tables of a codebook, with as many numbers as the widest vectors have.
const (
	BookWorth  = iota // of the levels
	BookFirst         // what halves the levels
	BookSecond        // what halves the halves, by the lowest level that is left
	BookThird         // what halves the quarters
	BookRows
)
