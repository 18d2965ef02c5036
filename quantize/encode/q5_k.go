package encode

// typeQ5_K: 8 sub-blocks of 32, x ~ d*s * q - dmin*t with q in 0..31, s and t in 0..63; see k_affine.go.
var typeQ5_K = kAffine{bytes: 176, size: 32, top: 31, scaleTop: 63, plain: stepRange{-0.5, 0.1, 15},
	factor: 2, head: headScalesMins, pack: packQ5_K}

func packQ5_K(b []byte, q *[256]uint8) {
	packBit(b[16:], q, 4)
	pack4(b[48:], q)
}
