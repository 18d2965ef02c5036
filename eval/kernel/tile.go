package kernel

import "unsafe"

// A SIMD set multiplies tiles: sixteen weight rows, the lanes, by a number of columns, unpacked once and used for all
// tokens. A tile's codes are ordered [k/4][lane][4], so that one vector holds four consecutive columns of eight (or
// sixteen) rows and one token's four activations, broadcast, multiply all of it.
const (
	lanes     = 16
	tileCols  = 1024 // columns of a quantized tile: it stays in the first-level cache with the activations
	floatCols = 256  // columns of a float tile
)

// superRecord is 256 columns of a tile. With group = 16 or 32 columns:
//
//	scales[g][lane]  the group's scale twice, as a pair of int16
//	mins[p][lane]    -mins of groups 2p and 2p+1, as a pair of int16
type superRecord struct {
	codes   [256 * lanes]uint8
	scales  [16][lanes]uint32
	mins    [8][lanes]uint32
	d, dmin [lanes]float32
}

// smallRecord is 32 columns of a tile.
type smallRecord struct {
	codes [32 * lanes]uint8
	d, m  [lanes]float32
}

// wordsRecord is 32 columns of a tile of signed 8-bit codes, held as int16 in the order [k/2][lane][2].
type wordsRecord struct {
	codes [32 * lanes]int16
	d     [lanes]float32
}

// sums is the kernels' own memory at the head of a tile: four tokens by sixteen rows.
type sums struct {
	float [tokenGroup * lanes]float32
	int   [tokenGroup * lanes]int32
}

type superTile struct {
	sums    sums
	records [tileCols / 256]superRecord
}

type smallTile struct {
	sums    sums
	records [tileCols / 32]smallRecord
}

type wordsTile struct {
	sums    sums
	records [tileCols / 2 / 32]wordsRecord
}

type floatTile [floatCols][lanes]float32

// tiles is a worker's memory for tiles: one of each kind when needed, rows before their transposition, and products
// that have no place in the destination (rows beyond the last, tokens beyond the last).
type tiles struct {
	super  *superTile
	small  *smallTile
	words  *wordsTile
	float  *floatTile
	codes  *[lanes][256]uint8
	pairs  *[lanes][tileCols / 2]int16
	floats *[lanes][floatCols]float32
	edge   []float32 // [token][lane]
	wide   []byte    // tiles of all columns
	stage  []byte    // unpacked rows before their transposition
	levels levels    // of a part of a row
	scales superScales
	offset [16]int16
}

// aligned returns a T on a boundary of 64 bytes. T must not contain pointers.
func aligned[T any](p **T) *T {
	if *p == nil {
		buf := make([]byte, unsafe.Sizeof(**p)+63)
		*p = (*T)(unsafe.Pointer(&buf[-uintptr(unsafe.Pointer(&buf[0]))&63]))
	}
	return *p
}

func pair(low, high int16) uint32 { return uint32(uint16(low)) | uint32(uint16(high))<<16 }

// fill unpacks block i of up to sixteen rows: codes go to t.codes, scales to a record whose groups are group columns
// wide.
func (r *superRecord) fill(st *superType, w *stored, row, rows, i, group int, t *tiles) {
	size := w.blockBytes
	s := &t.scales
	for lane := range lanes {
		if lane >= rows {
			r.d[lane], r.dmin[lane] = 0, 0
			continue
		}
		b := w.row(row + lane)[i*size:]
		st.unpack(&t.codes[lane], s, b[:size])
		r.d[lane], r.dmin[lane] = s.d, s.dmin
		if st.group == 32 && group == 16 {
			for g := range 8 {
				r.scales[2*g][lane] = pair(s.scales[g], s.scales[g])
				r.scales[2*g+1][lane] = pair(s.scales[g], s.scales[g])
				r.mins[g][lane] = pair(-s.mins[g], -s.mins[g])
			}
			continue
		}
		if st.signed {
			r.dmin[lane] = 0
		}
		for g := 0; g < 256/group; g += 2 {
			r.scales[g][lane] = pair(s.scales[g], s.scales[g])
			r.scales[g+1][lane] = pair(s.scales[g+1], s.scales[g+1])
			r.mins[g/2][lane] = pair(-s.mins[g], -s.mins[g+1])
		}
	}
}
