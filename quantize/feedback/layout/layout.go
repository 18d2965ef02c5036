// Package layout is the memory that plain Go and the assembly of package feedback share. The generator
// (eval/kernel/_asm) and package feedback both import it, so neither can change alone.
package layout

// Working space of a function that rounds sub-blocks is rows of vectors, one for each of the candidates at once.
const (
	Candidates = 2  // at once: their chains of operations hide each other's latency
	Columns    = 32 // of the widest sub-block

	FeedInverse = iota - 2 // of the scale
	FeedLow                // what is added to values before
	FeedSize               // the scale squared
	FeedUnit               // minus the scale
	FeedBottom             // the lowest level; with a table, bits that are set where the scale is not zero
	FeedTop                // the highest
	FeedNumber             // of the candidate
	FeedLoss
	FeedErrors // of the columns

	FeedRows = FeedErrors + Columns
)
