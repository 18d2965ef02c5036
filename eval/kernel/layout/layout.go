// Package layout is the memory that plain Go and the assembly of package kernel share. The generator (eval/kernel/_asm)
// and package kernel both import it, so neither can change alone.
package layout

// Lanes are the weight rows of a tile; Vector is the bytes of one 32-bit number of each.
const (
	Lanes  = 16
	Vector = 4 * Lanes
)

// A record of 256 columns of a tile: codes, then vectors of scales, minima, d and dmin.
const (
	KQuantScales = 256 * Lanes
	KQuantMins   = KQuantScales + 16*Vector
	KQuantD      = KQuantMins + 8*Vector
	KQuantDmin   = KQuantD + Vector
	KQuantRecord = KQuantDmin + Vector
)

// A record of 32 columns: codes, then d and m.
const (
	LegacyD      = 32 * Lanes
	LegacyM      = LegacyD + Vector
	LegacyRecord = LegacyM + Vector
)

// A record of 32 columns of codes held as int16, then d.
const (
	Int16D      = 2 * 32 * Lanes
	Int16Record = Int16D + Vector
)

// A tile for AVX2 begins with the sums of Tokens tokens, as float32 and as int32, before its records.
const (
	Tokens    = 4
	FloatSums = 0
	IntSums   = FloatSums + Tokens*Vector
	Records   = IntSums + Tokens*Vector
)

// A token block of BlockTokens tokens has lines of one 32-bit word per token. Of a block of 256: scales, pairs of sums
// of 32 codes (4 lines), pairs of sums of 16 (8), sums of 16 times -128 (16), the sum of all times -127.
const (
	BlockTokens = 8
	Line        = 4 * BlockTokens

	TokenD            = 0
	TokenPairs32      = TokenD + Line
	TokenPairs16      = TokenPairs32 + 4*Line
	TokenOffsets      = TokenPairs16 + 8*Line
	TokenAll          = TokenOffsets + 16*Line
	TokenKQuantRecord = TokenAll + Line
)

// Of a block of 32: scales; the scaled sum, or the sum times -128; the sum of the first 16 times -128.
const (
	TokenS            = TokenD + Line
	TokenFirst        = TokenS + Line
	TokenLegacyRecord = TokenFirst + Line
)
