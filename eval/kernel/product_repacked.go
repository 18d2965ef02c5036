package kernel

import "bitmill/eval/kernel/layout"

// The generated functions multiply repacked rows, sixteen by sixteen, with one token. Sums of products of 16 columns
// (in blocks of 32: of all columns) begin with starts.
type (
	kquantRepackedFunc func(dst *float32, w *byte, sixteens, blocks int,
		codes *int8, d *float32, sums *int16, starts *int32)
	legacyRepackedFunc func(dst *float32, w *byte, sixteens, blocks int, codes *int8, d, s *float32, starts *int32)
	signedRepackedFunc func(dst *float32, w *byte, sixteens, blocks int,
		codes *int8, d *float32, starts *int32, table *byte)
	bf16RepackedFunc func(dst *float32, w *byte, sixteens, blocks int, x *uint16)
)

// The generated functions that unpack a block of sixteen rows to a record of a full tile.
type (
	unpackRepackedFunc       func(record, head, body *byte)
	unpackRepackedSignedFunc func(record, head, body, table *byte, factor float32, add uint32)
)

// repackedFuncs multiply repacked rows of a type with few tokens, and unpack them to tiles for typeFuncs.full.
type repackedFuncs struct {
	prepare  func(p *product)                     // fills the scratch with what multiply takes beside the activations
	multiply func(p *product, t, r, sixteens int) // rows from r on with token t

	unpack       unpackRepackedFunc
	unpackSigned unpackRepackedSignedFunc
}

// kquantRepacked multiplies k-quants. Functions subtract centre from the codes of a type with minima so that sums fit
// 16 bits.
func kquantRepacked(multiply kquantRepackedFunc, unpack unpackRepackedFunc, centre int) *repackedFuncs {
	return &repackedFuncs{
		unpack:  unpack,
		prepare: func(p *product) { p.shiftedStarts(p.typ.offset+centre, p.w.shape.Shifts) },
		multiply: func(p *product, t, r, sixteens int) {
			w, x, n := &p.w, p.x, p.w.shape.blocks
			sums := &x.sums16[16*t*n]
			if p.typ.group == 32 {
				sums = &x.sums32[8*t*n]
			}
			multiply(&p.dst[t*p.stride+r], &w.Data[w.shape.rows(r)], sixteens, n,
				&x.codes[t*x.stride], &x.d[t*n], sums, &p.rows.starts[16*t*n])
		},
	}
}

// legacyRepacked multiplies blocks of 32.
func legacyRepacked(multiply legacyRepackedFunc, unpack unpackRepackedFunc) *repackedFuncs {
	return &repackedFuncs{
		unpack: unpack,
		prepare: func(p *product) {
			starts, sums := p.growStarts()
			if p.typ.offset == 0 {
				return
			}
			for i := range len(sums) / 2 {
				starts[i] = -int32(p.typ.offset) * (int32(sums[2*i]) + int32(sums[2*i+1]))
			}
		},
		multiply: func(p *product, t, r, sixteens int) {
			w, x, n := &p.w, p.x, p.w.shape.blocks
			s := (*float32)(nil)
			if x.form == FormQ8_1 {
				s = &x.s[t*n]
			}
			multiply(&p.dst[t*p.stride+r], &w.Data[w.shape.rows(r)], sixteens, n,
				&x.codes[t*x.stride], &x.d[t*n], s, &p.rows.starts[t*n])
		},
	}
}

// signedRepacked multiplies signed codes. They lie shifted in their slots unless the function looks their values up.
func signedRepacked(multiply signedRepackedFunc, unpack unpackRepackedSignedFunc, shifted bool) *repackedFuncs {
	return &repackedFuncs{
		unpackSigned: unpack,
		prepare: func(p *product) {
			p.rows.multiplyScales(p.x, p.typ.factor)
			var shifts []uint8
			if shifted {
				shifts = p.w.shape.Shifts
			}
			p.shiftedStarts(p.typ.offset, shifts)
		},
		multiply: func(p *product, t, r, sixteens int) {
			w, x, n := &p.w, p.x, p.w.shape.blocks
			multiply(&p.dst[t*p.stride+r], &w.Data[w.shape.rows(r)], sixteens, n,
				&x.codes[t*x.stride], &p.rows.scales[t*n], &p.rows.starts[16*t*n], &w.shape.table[0])
		},
	}
}

// bf16Repacked multiplies bfloat16.
func bf16Repacked(multiply bf16RepackedFunc) *repackedFuncs {
	return &repackedFuncs{
		prepare: func(*product) {},
		multiply: func(p *product, t, r, sixteens int) {
			w, x := &p.w, p.x
			multiply(&p.dst[t*p.stride+r], &w.Data[w.shape.rows(r)], sixteens, w.shape.blocks, &x.bf16[t*x.stride])
		},
	}
}

// multiplyRepacked multiplies interleaved rows.
func (p *product) multiplyRepacked(s *Scratch) {
	switch f := p.funcs; {
	case f.repacked == nil:
		matmulGeneric(p.dst, p.stride, p.w, p.x, p.r0, p.r1, s)
	case p.x.n > fullTokens || p.set.fixed:
		f.full(p)
	default:
		f.repacked.prepare(p)
		p.eachRows(lanes, func(t, r, rows int) { f.repacked.multiply(p, t, r, rows/lanes) })
	}
}

// growStarts returns starts and the sums of 16 activation codes.
func (p *product) growStarts() (starts []int32, sums []int16) {
	n := p.x.n * p.x.cols / 16
	p.rows.starts = grow(p.rows.starts, n)
	return p.rows.starts, p.x.sums16[:n]
}

// shiftedStarts fills starts with -offset times the sums of 16 activation codes, shifted as codes are in their slots;
// without shifts, not at all.
func (p *product) shiftedStarts(offset int, shifts []uint8) {
	starts, sums := p.growStarts()
	switch {
	case offset == 0:
	case shifts == nil:
		for i, v := range sums {
			starts[i] = -int32(offset) * int32(v)
		}
	default:
		for i := 0; i < len(sums); i += len(shifts) {
			for k, shift := range shifts {
				starts[i+k] = -int32(offset) * int32(sums[i+k]) << shift
			}
		}
	}
}

// fillRepacked unpacks the sixteen rows from row on to a tile.
func (p *product) fillRepacked(tile []byte, record, row int) {
	f, s := p.funcs.repacked, &p.w.shape
	rows16 := p.w.rows16(row)
	for b := range s.blocks {
		to, head, body := &tile[b*record], &rows16[s.half(b, 0)], &rows16[s.word(b, 0, 0)]
		if f.unpackSigned != nil {
			f.unpackSigned(to, head, body, &s.table[0], s.factor, fourTimes(uint8(layout.Full-s.offset)))
		} else {
			f.unpack(to, head, body)
		}
	}
}
