package block

// Q6_K: 256 values in 210 bytes, 6.5625 bits per value; 16 sub-blocks of 16.
//
//	0                              128                   192               208 210
//	+------------------------------+---------------------+-----------------+---+
//	| l, 128 bytes of two 4-bit    | h, 64 bytes of four | 16 signed bytes | d |
//	| parts                        | 2-bit parts         | s               |   |
//	+------------------------------+---------------------+-----------------+---+
//
// Each half of 128 values has 64 bytes of l and 32 of h. With i < 32:
//
//	value i       l[i] low       h[i] bits 0,1
//	value i + 32  l[i+32] low    h[i] bits 2,3
//	value i + 64  l[i] high      h[i] bits 4,5
//	value i + 96  l[i+32] high   h[i] bits 6,7
//
// q = l + 16 * h - 32, from -32 to 31;  value = (d * s) * q
func decodeQ6_K(dst []float32, src []byte) {
	for ; len(dst) >= 256; dst, src = dst[256:], src[210:] {
		b := (*[210]byte)(src)
		d := half(b[208:])
		for part := range 8 { // 32 values: a column of the table above in one half
			l := (*[32]byte)(b[part/4*64+part%2*32:])
			h := (*[32]byte)(b[128+part/4*32:])
			y := (*[32]float32)(dst[32*part:])
			lowShift, highShift := uint(part/2%2*4), uint(part%4*2)
			scale0 := d * float32(int32(int8(b[192+2*part])))
			scale1 := d * float32(int32(int8(b[193+2*part])))
			for i := range 16 {
				y[i] = scale0 * float32(int32(l[i]>>lowShift&15|h[i]>>highShift&3<<4)-32)
			}
			for i := 16; i < 32; i++ {
				y[i] = scale1 * float32(int32(l[i]>>lowShift&15|h[i]>>highShift&3<<4)-32)
			}
		}
	}
}
