//go:build !purego

package feedback

import "bitmill/formats/cpu"

// nativeLanes are those of this architecture.
var nativeLanes = []*lanes{{
	name: cpu.AVX2, width: 8,
	best: feedBestAVX2, bestTable: feedBestTableAVX2, round: feedRoundAVX2, roundTable: feedRoundTableAVX2,
	bestBook: books(feedBestBook8AVX2, feedBestBook4AVX2), roundBook: books(feedRoundBook8AVX2, feedRoundBook4AVX2),
}, {
	name: cpu.AVX512, width: 16,
	best: feedBestAVX512, bestTable: feedBestTableAVX512, round: feedRoundAVX512, roundTable: feedRoundTableAVX512,
	bestBook:  books(feedBestBook8AVX512, feedBestBook4AVX512),
	roundBook: books(feedRoundBook8AVX512, feedRoundBook4AVX512),
}}

func books[T any](eight, four T) [2]T { return [2]T{eight, four} }
