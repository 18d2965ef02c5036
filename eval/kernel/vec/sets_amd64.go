//go:build !purego

package vec

import "bitmill/formats/cpu"

// native lists the sets beyond generic.
var native = map[string]*Set{cpu.AVX2: avx2, cpu.AVX512: avx512}
