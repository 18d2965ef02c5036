package kernel

// bf16TileFunc multiplies tiles of bfloat16 weights, tileBytes apart, with eight tokens; strides are in bytes.
type bf16TileFunc func(dst *float32, stride int, tile *byte, tileBytes, tiles, blocks int, x *uint16, xStride int)

// bf16TileBytes is the size of a block: a tile of bfloat16 weights consists of blocks of 32 columns in the order
// [k/2][lane][2].
const bf16TileBytes = 32 * lanes * 2

// bf16Full multiplies bfloat16 weights with activations rounded to the same.
func bf16Full(multiply bf16TileFunc) func(p *product) {
	return func(p *product) {
		x := p.x
		blocks := (x.cols + 31) / 32
		fill := p.fillBF16
		if p.w.Repacked {
			fill = nil // the rows are such tiles
		}
		p.fullTiles(blocks*bf16TileBytes, 0, fill, func(dst *float32, stride int, tile *byte, tileBytes, tiles, t int) {
			multiply(dst, stride, tile, tileBytes, tiles, blocks, &x.bf16[t*x.stride], 2*x.stride)
		})
	}
}

// fillBF16 transposes sixteen rows where they lie; fewer rows, and the last columns, are staged.
func (p *product) fillBF16(tile []byte, row, rows int) {
	const staged = 4 // blocks of 64 bytes
	w, stage, transpose := &p.w, aligned(&p.tiles.codes), p.set.transpose16
	blocks, direct := (w.Cols+31)/32, 0
	if rows == lanes && w.Cols >= 32 {
		direct = w.Cols / 32
		transpose(&tile[0], bf16TileBytes/2, &w.row(row)[0], w.rowBytes, direct, 0)
	}
	for b := direct; b < blocks; b += staged {
		count := min(staged, blocks-b)
		for lane := range rows {
			n := copy(stage[lane][:64*count], w.row(row + lane)[64*b:])
			clear(stage[lane][n:])
		}
		transpose(&tile[b*bf16TileBytes], bf16TileBytes/2, &stage[0][0], len(stage[0]), count, 0)
	}
}
