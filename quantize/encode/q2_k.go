package encode

// typeQ2_K: 16 sub-blocks of 16, x ~ d*s * q - dmin*t with q in 0..3, s and t in 0..15; see k_affine.go.
var typeQ2_K = kAffine{bytes: 84, size: 16, top: 3, scaleTop: 15, plain: stepRange{-0.5, 0.1, 15}, absolute: true,
	factor: 1, head: headQ2_K, pack: packQ2_K}

func headQ2_K(b []byte, d, dmin float32, s, t []uint8) (float32, float32) {
	for j := range s {
		b[j] = s[j] | t[j]<<4
		s[j], t[j] = b[j]&15, b[j]>>4
	}
	return putHalf(b[80:], d), putHalf(b[82:], dmin)
}

func packQ2_K(b []byte, q *[256]uint8) { pack2(b[16:], q) }
