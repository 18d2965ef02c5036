package vec

// FMA is x*y+z, rounded once: the compiler makes one instruction of it, to which a test holds it.
func FMA(x, y, z float32) float32 { return x*y + z }

// TryFMA is FMA.
func TryFMA(x, y, z float32) (r float32, sure bool) { return x*y + z, true }
