package vec

// FMA is x*y+z, rounded once: the compiler makes one instruction of it, to which a test holds it.
func FMA(x, y, z float32) float32 { return x*y + z }
