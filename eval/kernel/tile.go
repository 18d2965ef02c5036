package kernel

import (
	"unsafe"

	"bitmill/eval/kernel/layout"
)

// A tile is sixteen weight rows, the lanes, by a number of columns, unpacked once and used for all tokens. Its codes
// are in the order [k/4][lane][4], so that a vector holds four consecutive columns of eight or sixteen rows, and is
// multiplied with four activations of a token, broadcast.
const (
	lanes     = layout.Lanes
	tileCols  = 1024 // columns of a quantized tile: it stays in the first-level cache with the activations
	floatCols = 256  // columns of a block of a float tile, which stays there
)

// kquantRecord is 256 columns of a tile. With group = 16 or 32 columns:
//
//	scales[g][lane]  the group's scale twice, as a pair of int16
//	mins[p][lane]    -mins of groups 2p and 2p+1, as a pair of int16
type kquantRecord struct {
	codes   [256 * lanes]uint8
	scales  [16][lanes]uint32
	mins    [8][lanes]uint32
	d, dmin [lanes]float32
}

// legacyRecord is 32 columns of a tile.
type legacyRecord struct {
	codes [32 * lanes]uint8
	d, m  [lanes]float32
}

// int16Record is 32 columns of a tile of signed 8-bit codes, held as int16 in the order [k/2][lane][2].
type int16Record struct {
	codes [32 * lanes]int16
	d     [lanes]float32
}

// tileSums is memory for generated functions at the head of a tile: sums of four tokens by sixteen rows.
type tileSums struct {
	float [tokenGroup * lanes]float32
	int   [tokenGroup * lanes]int32
}

type kquantTile struct {
	sums    tileSums
	records [tileCols / 256]kquantRecord
}

type legacyTile struct {
	sums    tileSums
	records [tileCols / 32]legacyRecord
}

type int16Tile struct {
	sums    tileSums
	records [tileCols / 2 / 32]int16Record
}

// The compiler refuses these indices, which must be 0, where records do not lie as package layout tells the assembly.
var _ = [...]byte{
	"0"[unsafe.Offsetof(kquantRecord{}.scales)-layout.KQuantScales],
	"0"[unsafe.Offsetof(kquantRecord{}.mins)-layout.KQuantMins],
	"0"[unsafe.Offsetof(kquantRecord{}.d)-layout.KQuantD], "0"[unsafe.Offsetof(kquantRecord{}.dmin)-layout.KQuantDmin],
	"0"[unsafe.Sizeof(kquantRecord{})-layout.KQuantRecord],
	"0"[unsafe.Offsetof(legacyRecord{}.d)-layout.LegacyD], "0"[unsafe.Offsetof(legacyRecord{}.m)-layout.LegacyM],
	"0"[unsafe.Sizeof(legacyRecord{})-layout.LegacyRecord],
	"0"[unsafe.Offsetof(int16Record{}.d)-layout.Int16D], "0"[unsafe.Sizeof(int16Record{})-layout.Int16Record],
	"0"[unsafe.Offsetof(tileSums{}.int)-layout.IntSums], "0"[unsafe.Offsetof(kquantTile{}.records)-layout.Records],
}

// tiles is a worker's memory for tiles: one of each kind when needed, rows before their transposition, and products
// that do not fit the destination (rows beyond the last, tokens beyond the last).
type tiles struct {
	kquant *kquantTile
	legacy *legacyTile
	int16s *int16Tile
	codes  *[lanes][256]uint8
	pairs  *[lanes][tileCols / 2]int16
	floats *[lanes][floatCols]float32
	edge   []float32 // [token][lane]
	full   []byte    // tiles of all columns

	tokenBlocks []int32     // of a few tokens
	stage       []byte      // unpacked rows before their transposition
	signed      signedCodes // of a part of a row
	scales      kquantScales
	offset      [16]int16
}

// aligned returns a T on a boundary of 64 bytes. T must not contain pointers.
func aligned[T any](p **T) *T {
	if *p == nil {
		buf := make([]byte, unsafe.Sizeof(**p)+63)
		*p = (*T)(unsafe.Pointer(&buf[-uintptr(unsafe.Pointer(&buf[0]))&63]))
	}
	return *p
}

// alignedBytes returns n bytes on a boundary of 64.
func alignedBytes(buf *[]byte, n int) []byte {
	*buf = grow(*buf, n+63)
	return (*buf)[-uintptr(unsafe.Pointer(&(*buf)[0]))&63:][:n]
}

func pair(low, high int16) uint32 { return uint32(uint16(low)) | uint32(uint16(high))<<16 }
