//go:build !purego

package kernel

// native lists the sets beyond generic, slowest first; formats/cpu knows which of them this processor can run.
var native = []*Set{avx2, avx512}
