package kernel

import (
	"encoding/binary"

	"bitmill/formats/block"
)

// Repacked rows of bfloat16 are the tiles that many tokens are multiplied with: blocks of 32 columns in the order
// [k/2][row][2].
const plainCols = 32

// repackPlain interleaves sixteen rows.
func (set *Set) repackPlain(s *repackShape, rows16, rows []byte) {
	if set.transpose16 != nil {
		set.transpose16(&rows16[0], s.body/2, &rows[0], s.row, s.blocks, 0)
		return
	}
	for lane := range lanes {
		row := rows[lane*s.row:][:s.row]
		for i := range len(row) / 4 {
			put32(rows16, 4*(lanes*i+lane), get32(row, 4*i))
		}
	}
}

// decodePlain sets the values of block b of a row.
func (s *repackShape) decodePlain(dst []float32, rows16 []byte, b, lane int) {
	for i := range dst {
		dst[i] = block.FromBF16(binary.LittleEndian.Uint16(rows16[s.word(b, i/2, lane)+2*(i%2):]))
	}
}
