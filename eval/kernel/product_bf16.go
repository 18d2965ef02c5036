//go:build amd64 && !purego

package kernel

// brainKernel multiplies tiles of bfloat16 weights, tileBytes apart, with eight tokens; strides are in bytes.
type brainKernel func(dst *float32, stride int, tile *byte, tileBytes, tiles, blocks int, codes *uint16, codeStride int)

// A tile of bfloat16 weights is made of blocks of 32 columns in the order [k/2][lane][2].
const brainBytes = 32 * lanes * 2

// brain multiplies bfloat16 weights with activations rounded to the same.
func (j *job) brain() {
	x := j.x
	blocks := (x.cols + 31) / 32
	fill := j.fillBrainTile
	if j.w.Repacked {
		fill = nil // strips are such tiles
	}
	j.wideTiles(blocks*brainBytes, 0, fill, func(dst *float32, stride int, tile *byte, tileBytes, tiles, t int) {
		j.products.brain(dst, stride, tile, tileBytes, tiles, blocks, &x.brain[t*x.stride], 2*x.stride)
	})
}

// fillBrainTile transposes sixteen rows where they lie; fewer rows, and the last columns, are staged.
func (j *job) fillBrainTile(tile []byte, row, rows int) {
	const staged = 4 // blocks of 64 bytes
	w, stage := &j.w, aligned(&j.codes)
	blocks, direct := (w.Cols+31)/32, 0
	if rows == lanes && w.Cols >= 32 {
		direct = w.Cols / 32
		transpose16(&tile[0], brainBytes/2, &w.row(row)[0], w.rowBytes, direct, 0)
	}
	for b := direct; b < blocks; b += staged {
		count := min(staged, blocks-b)
		for lane := range rows {
			n := copy(stage[lane][:64*count], w.row(row + lane)[64*b:])
			clear(stage[lane][n:])
		}
		transpose16(&tile[b*brainBytes], brainBytes/2, &stage[0][0], len(stage[0]), count, 0)
	}
}
