package gguf

// Limits on what a file may claim. Every length and count is also checked against the bytes that are left before
// anything is allocated, so these only bound what a large, well-formed file can ask for.
const (
	maxString = 1 << 30   // bytes in a string, as ggml
	maxKey    = 1<<16 - 1 // bytes in a metadata key, as the GGUF specification
	maxName   = 63        // bytes in a tensor name: ggml keeps 64 with the terminating zero
	maxDims   = 4         // dimensions of a tensor, as ggml
	maxDepth  = 8         // arrays within arrays
	maxShards = 1<<16 - 1 // files of a split: split.count is a uint16
)
