package vec

import (
	"math"
	"math/big"
)

// exactFMA is FMA by numbers of any length.
func exactFMA(x, y, z float32) float32 {
	for _, v := range []float32{x, y, z} {
		if v-v != 0 { // infinite, or not a number
			return float32(math.FMA(float64(x), float64(y), float64(z)))
		}
	}
	product := new(big.Float).SetPrec(600).Mul(big.NewFloat(float64(x)), big.NewFloat(float64(y)))
	sum, _ := new(big.Float).SetPrec(600).Add(product, big.NewFloat(float64(z))).Float32()
	if sum == 0 {
		return float32(float64(x)*float64(y) + float64(z)) // its sign
	}
	return sum
}
