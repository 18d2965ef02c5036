//go:build !purego

package feedback

import "bitmill/formats/cpu"

// nativeLanes are those of this architecture.
var nativeLanes = []*lanes{
	{name: cpu.AVX2, width: 8, best: [...]feedBest{feedBestAVX2, feedBestTableAVX2},
		round: [...]feedRound{feedRoundAVX2, feedRoundTableAVX2}},
	{name: cpu.AVX512, width: 16, best: [...]feedBest{feedBestAVX512, feedBestTableAVX512},
		round: [...]feedRound{feedRoundAVX512, feedRoundTableAVX512}},
}
