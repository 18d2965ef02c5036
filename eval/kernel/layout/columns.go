package layout

// A column record is sixteen columns of ColumnTokens tokens: codes in the order [token/4][column][4], then a scale for
// each column, then -Full times the sum of its codes.
const (
	ColumnTokens = 128
	ColumnD      = ColumnTokens * Lanes
	ColumnSums   = ColumnD + Vector
	ColumnRecord = ColumnSums + Vector
)

// ColumnTiny is the magnitude up to which columns are zeros.
const ColumnTiny = 1e-30
