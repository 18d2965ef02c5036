package encode

// encodeQ1_0: x ~ ±d with d the mean magnitude; zero counts as positive. Importance plays no part.
func encodeQ1_0(dst []byte, row, _ []float32) {
	for at := 0; at < len(row); at += 128 {
		x, b := (*[128]float32)(row[at:]), (*[18]byte)(dst[at/128*18:])
		var total float32
		clear(b[2:])
		for i, v := range x {
			total += abs32(v)
			if v >= 0 {
				b[2+i/8] |= 1 << (i % 8)
			}
		}
		putHalf(b[:], total/128)
	}
}
