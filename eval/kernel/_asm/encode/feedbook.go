package encode

import (
	"math"

	. "github.com/mmcloughlin/avo/build"
	. "github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/reg"

	. "bitmill/eval/kernel/_asm/machine"
	"bitmill/quantize/encode/layout"
	feedback "bitmill/quantize/feedback/layout"
)

// feedBook is feed for types with codebooks. Near entries do not depend on each other, so candidates come one by one.
type feedBook struct {
	feed
	dim   int // of an entry
	steps int // that halve the levels
	rows  Rows
}

// FeedBook8 and FeedBook4 generate feeding of package feedback for codebooks with entries of eight and of four values:
// see feed_entries.go there.
func FeedBook8(m Machine) { newFeedBook(m, 8, 2).emit("Book8") }
func FeedBook4(m Machine) { newFeedBook(m, 4, 3).emit("Book4") }

func newFeedBook(m Machine, dim, steps int) *feedBook {
	none := nonlinear{search: search{Machine: m}}
	return &feedBook{feed: feed{nonlinear: none, book: true, streams: 1, block: feedback.Signs}, dim: dim, steps: steps}
}

func (b *feedBook) emit(kind string) {
	b.best("feedBest"+kind, b.columns)
	b.round("feedRound"+kind, b.columns)
}

// columns rounds a block of columns.
func (b *feedBook) columns() {
	for k, t := range b.values {
		VMOVUPS(t[0], b.row(feedback.FeedValues+k, 0))
	}
	b.rows = NewRows(b.diag, b.end, 8)
	b.signs()
	for first := 0; first < b.block; first += b.dim {
		b.index(first)
		b.pick(first)
		b.take(first)
	}
	LEAQ(Mem{Base: b.diag, Index: b.end, Scale: 8}, b.diag)
}

// element is an element of root in the block.
func (b *feedBook) element(i, j int) reg.VecVirtual { return b.Broadcast(b.rows.At(i, 4*j)) }

// signs stores the columns' sign bits. Where an even number of them is negative, the one changes that costs least.
func (b *feedBook) signs() {
	odd, none := b.Zero(), b.Zero()
	for k, t := range b.values {
		v := b.Vec()
		b.Keep(v, b.Compare(Less, t[0], none), b.Load(sign()))
		VMOVUPS(v, b.row(feedback.FeedSigns+k, 0))
		Xor(odd, odd, v)
	}
	even := Arg("even")
	TESTQ(even, even)
	JZ(LabelRef("signed"))
	least, weakest := b.Load(Float(math.Inf(1))), b.Zero()
	for k, t := range b.values {
		d := b.Vec()
		Mul(d, t[0], t[0])
		Mul(d, d, b.element(k, k))
		less := b.Compare(Less, d, least)
		b.Choose(least, less, d, least)
		b.Choose(weakest, less, b.Load(Float(float64(k))), weakest)
	}
	for k := range b.values {
		v := b.Vec()
		b.Keep(v, b.Compare(Equal, weakest, b.Load(Float(float64(k)))), odd)
		Xor(v, v, b.row(feedback.FeedSigns+k, 0))
		VMOVUPS(v, b.row(feedback.FeedSigns+k, 0))
	}
	Label("signed")
}

// tables is a row of the tables.
func (b *feedBook) tables(pointer reg.GPVirtual, row int) Mem {
	return Mem{Base: pointer, Disp: row * rowBytes}
}

// index finds the near entries of a group of values by their levels, which halving the levels finds.
func (b *feedBook) index(first int) {
	code, tables := b.Zero(), Arg("tables")
	for k := first + b.dim - 1; k >= first; k-- {
		t, l := b.Load(b.row(feedback.FeedValues+k, 0)), b.Vec()
		Xor(t, t, b.row(feedback.FeedSigns+k, 0))
		half := uint32(1) << (b.steps - 1)
		b.Keep(l, b.Compare(Greater, t, b.Load(b.tables(tables, feedback.BookFirst))), b.Load(Bits(half)))
		for step := 1; step < b.steps; step++ {
			m := b.Vec()
			VPERMPS(b.tables(tables, feedback.BookFirst+step), l, m)
			more := b.Compare(Greater, t, m)
			b.Keep(m, more, b.Load(Bits(half>>step)))
			Or(l, l, m)
		}
		if b.dim == 4 { // eight levels
			VPSLLD(U8(3), code, code)
		} else { // three
			VPADDD(code, code, t)
			VPADDD(t, code, code)
		}
		VPADDD(l, code, code)
	}
	t := b.Vec() // six entries each
	VPADDD(code, code, t)
	VPADDD(t, code, code)
	VPADDD(code, code, code)
	VMOVUPS(code, b.row(feedback.FeedIndex, 0))
}

// pick chooses the near entry with the least loss.
func (b *feedBook) pick(first int) {
	near := Arg("near")
	VMOVUPS(b.gather(near, b.Load(b.row(feedback.FeedIndex, 0)), 4), b.row(feedback.FeedPick, 0))
	VMOVUPS(b.Load(Float(math.Inf(1))), b.row(feedback.FeedLeast, 0))
	left := Copy(U32(layout.BookNear))
	Repeat(map[bool]string{true: "near", false: "nearAgain"}[first == 0], left, func() {
		p := b.gather(near, b.Load(b.row(feedback.FeedIndex, 0)), 4)
		VMOVUPS(p, b.row(feedback.FeedPacked, 0))
		loss, _ := b.errors(first, p, func(int, reg.VecVirtual) {})
		least, pick := b.Load(b.row(feedback.FeedLeast, 0)), b.Load(b.row(feedback.FeedPick, 0))
		less := b.Compare(Less, loss, least)
		b.Choose(least, less, loss, least)
		b.Choose(pick, less, b.Load(b.row(feedback.FeedPacked, 0)), pick)
		VMOVUPS(least, b.row(feedback.FeedLeast, 0))
		VMOVUPS(pick, b.row(feedback.FeedPick, 0))
	}, By(4, near))
}

// errors returns the loss with an entry, and the errors of its values; level is called with the level of each.
func (b *feedBook) errors(first int, p reg.VecVirtual, level func(k int, l reg.VecVirtual)) (reg.VecVirtual,
	[]reg.VecVirtual) {
	loss, tables := b.Load(b.row(feedback.FeedLoss, 0)), Arg("tables")
	var e []reg.VecVirtual
	for j := range b.dim {
		t, l := b.Load(b.row(feedback.FeedValues+first+j, 0)), b.Vec()
		for k := range e {
			b.subtract(t, e[k], first+k, first+j)
		}
		VPERMPS(b.tables(tables, feedback.BookWorth), p, l)
		if j < b.dim-1 {
			VPSRLD(U8(16/b.dim), p, p)
		}
		Xor(l, l, b.row(feedback.FeedSigns+first+j, 0))
		And(l, l, b.row(feedback.FeedBottom, 0))
		level(first+j, l)
		Sub(t, t, l)
		e = append(e, t)
		Mul(l, t, t)
		Mul(l, l, b.element(first+j, first+j))
		Add(loss, loss, l)
	}
	return loss, e
}

// subtract moves a value of column j by the error of column i.
func (b *feedBook) subtract(t, e reg.VecVirtual, i, j int) {
	m := b.element(i, j)
	Mul(m, e, m)
	Sub(t, t, m)
}

// take rounds to the entry that was picked.
func (b *feedBook) take(first int) {
	p := b.Load(b.row(feedback.FeedPick, 0))
	if b.entry != nil {
		v := b.Vec()
		VPSRLD(U8(16), p, v)
		VMOVUPS(v, Mem{Base: b.entry})
		ADDQ(U8(rowBytes), b.entry)
	}
	loss, e := b.errors(first, p, func(_ int, l reg.VecVirtual) {
		if b.entry != nil {
			VMOVUPS(l, Mem{Base: b.level})
			ADDQ(U8(rowBytes), b.level)
		}
	})
	VMOVUPS(loss, b.row(feedback.FeedLoss, 0))
	for k, e := range e {
		VMOVUPS(e, b.errorOf(first+k, 0))
	}
	for j := first + b.dim; j < b.block; j++ {
		t := b.Load(b.row(feedback.FeedValues+j, 0))
		for k := range e {
			b.subtract(t, e[k], first+k, j)
		}
		VMOVUPS(t, b.row(feedback.FeedValues+j, 0))
	}
	if b.entry == nil {
		return
	}
	for _, e := range e {
		Mul(e, e, b.row(feedback.FeedUnit, 0))
		VMOVUPS(e, Mem{Base: b.move})
		ADDQ(U8(rowBytes), b.move)
	}
}
