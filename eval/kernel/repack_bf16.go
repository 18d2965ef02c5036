package kernel

import (
	"encoding/binary"

	"bitmill/formats/block"
)

// Strips of bfloat16 are the tiles that many tokens are multiplied with: blocks of 32 columns in the order [k/2][row][2].
const plainCols = 32

// weavePlainGeneric puts sixteen rows into a strip.
func weavePlainGeneric(s *strips, strip, rows []byte) {
	for lane := range lanes {
		row := rows[lane*s.row:][:s.row]
		for i := range len(row) / 4 {
			put32(strip, 4*(lanes*i+lane), get32(row, 4*i))
		}
	}
}

// decodePlain sets the values of block b of a lane.
func (s *strips) decodePlain(dst []float32, strip []byte, b, lane int) {
	for i := range dst {
		dst[i] = block.FromBF16(binary.LittleEndian.Uint16(strip[s.word(b, i/2, lane)+2*(i%2):]))
	}
}
