//go:build !arm64

package vec

// FMA is x*y+z, rounded once.
func FMA(x, y, z float32) float32 { return fma(x, y, z) }
