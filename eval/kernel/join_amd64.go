//go:build !purego

package kernel

import "bitmill/formats"

// joins are what makes words from quads, vectors of four columns of sixteen rows.
var joins = map[formats.Type]func(words, quads *byte){
	formats.Q2_K: joinGroups2, formats.TQ1_0: joinGroups2, formats.TQ2_0: joinGroups2,
	formats.Q3_K: joinGroups3, formats.IQ2_XXS: joinGroups3, formats.IQ2_XS: joinGroups3, formats.IQ2_S: joinGroups3,
	formats.IQ4_XS: joinGroups4, formats.IQ3_XXS: joinGroups4, formats.IQ3_S: joinGroups4,
	formats.Q5_K: joinGroups5, formats.Q6_K: joinGroups6, formats.Q4_K: joinQ4K,
	formats.Q4_0: joinFours, formats.Q4_1: joinFours, formats.IQ4_NL: joinFours, formats.MXFP4: joinFours,
	formats.Q5_0: joinPlaces, formats.Q5_1: joinPlaces,
}

// joinAVX512 turns the loom's codes to quads, which are the words of Q8_0.
func joinAVX512(t formats.Type, s *strips, to []byte, l *loom) {
	tile := alignedBytes(&l.tile, 256*lanes)
	transpose16(&tile[0], 512, &l.codes[0][0], len(l.codes[0]), (s.cols+63)/64, 0)
	if join := joins[t]; join != nil {
		join(&to[0], &tile[0])
		return
	}
	copy(to, tile[:len(to)])
}

func weavePlainAVX512(s *strips, strip, rows []byte) {
	transpose16(&strip[0], s.body/2, &rows[0], s.row, s.blocks, 0)
}
