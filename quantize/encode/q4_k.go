package encode

// typeQ4_K: 8 sub-blocks of 32, x ~ d*s * q - dmin*t with q in 0..15, s and t in 0..63; see k_affine.go.
var typeQ4_K = kAffine{bytes: 144, size: 32, top: 15, scaleTop: 63, plain: stepRange{-1, 0.1, 20},
	factor: 2, head: headScalesMins, pack: packQ4_K}

func packQ4_K(b []byte, q *[256]uint8) { pack4(b[16:], q) }
