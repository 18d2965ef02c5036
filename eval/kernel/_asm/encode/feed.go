package encode

import (
	. "github.com/mmcloughlin/avo/build"
	. "github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/reg"

	. "bitmill/eval/kernel/_asm/machine"
	"bitmill/quantize/feedback/layout"
)

// rowBytes separate the vectors of columns, one number for each of sixteen rows.
const rowBytes = 64

type feed struct {
	nonlinear
	table   bool // levels from the table of IQ4_NL, not integers
	streams int  // candidates at once
	block   int  // columns whose values are in registers

	work, end      reg.GPVirtual // end: bytes of a row of root
	y, diag, error reg.GPVirtual // of the current column
	column         reg.GPVirtual // in bytes of a row of root
	level, move    reg.GPVirtual // of the current column; for round only
	entry          reg.GPVirtual // of the current columns; the same, with a codebook
	values         [][]reg.VecVirtual

	book bool
}

// Feed generates feeding of package feedback for many rows at once: see feed.go there for what it computes.
func Feed(m Machine) {
	f := feed{nonlinear: newNonlinear(m), block: m.Floats() / 2}
	for _, kind := range []string{"", "Table"} {
		f.table, f.streams = kind != "", layout.Candidates
		f.best("feedBest"+kind, f.roundColumns)
		f.streams = 1
		f.round("feedRound"+kind, f.roundColumns)
	}
}

// best emits the search among candidates. block rounds the columns of a block.
func (f *feed) best(name string, block func()) {
	f.Func(name, "func(loss, number, y, root, scale, low *float32, sub, count int, work *float32"+f.more()+")",
		"lowers loss to the least of count candidates, an even number, and sets number to that of the one that has it.")
	f.work, f.end = Arg("work"), Arg("sub")
	scale, low, count := Arg("scale"), Arg("low"), Arg("count")
	SHLQ(U8(2), f.end)
	for c := range f.streams {
		VMOVUPS(f.Load(Float(float64(c))), f.row(layout.FeedNumber, c))
	}
	Loop("candidates", count, f.streams, func() {
		for c := range f.streams {
			f.begin(c, Mem{Base: scale, Disp: c * rowBytes}, Mem{Base: low, Disp: c * rowBytes})
		}
		f.columns(block, func() {
			limit, some := f.Load(Mem{Base: Arg("loss")}), f.Nothing()
			for c := range f.streams {
				f.Either(some, some, f.Compare(Less, f.total(c), limit))
			}
			f.Any(some)
			JZ(LabelRef("next"))
		})
		for c := range f.streams {
			f.take(c)
		}
		Label("next")
		for c := range f.streams {
			n := f.Load(f.row(layout.FeedNumber, c))
			Add(n, n, f.Load(Float(float64(f.streams))))
			VMOVUPS(n, f.row(layout.FeedNumber, c))
		}
	}, By(rowBytes*f.streams, scale, low))
	End()
}

// more parameters.
func (f *feed) more() string {
	if f.book {
		return ", near *uint32, tables *float32, even int"
	}
	return ", bottom, top float32"
}

// round emits the rounding with given scales.
func (f *feed) round(name string, block func()) {
	results := ""
	if f.book {
		results = ", entry *int32"
	}
	f.Func(name, "func(level, move, y, root, scale, low *float32, sub int, work *float32"+f.more()+results+")",
		"rounds the columns and tells their levels, and what rounding adds to their values.")
	f.work, f.end = Arg("work"), Arg("sub")
	SHLQ(U8(2), f.end)
	f.begin(0, Mem{Base: Arg("scale")}, Mem{Base: Arg("low")})
	f.level, f.move = Arg("level"), Arg("move")
	if f.book {
		f.entry = Arg("entry")
	}
	f.columns(block, func() {})
	End()
}

// row is a row of the working space.
func (f *feed) row(r, candidate int) Mem {
	return Mem{Base: f.work, Disp: (r*layout.Candidates + candidate) * f.Bytes}
}

// errorOf is the error of a column of the block.
func (f *feed) errorOf(k, candidate int) Mem {
	return Mem{Base: f.error, Disp: (k*layout.Candidates + candidate) * f.Bytes}
}

// begin prepares a candidate.
func (f *feed) begin(c int, scale, low Mem) {
	unit, ones, v := f.Load(scale), f.Load(Float(1)), f.Vec()
	zero := f.Compare(Equal, unit, f.Zero())
	f.Choose(unit, zero, ones, unit)
	Div(v, ones, unit)
	VMOVUPS(v, f.row(layout.FeedInverse, c))
	Mul(v, unit, unit)
	VMOVUPS(v, f.row(layout.FeedSize, c))
	Xor(unit, unit, f.Load(sign()))
	VMOVUPS(unit, f.row(layout.FeedUnit, c))
	VMOVUPS(f.Load(low), f.row(layout.FeedLow, c))
	VMOVUPS(f.Zero(), f.row(layout.FeedLoss, c))
	if f.table || f.book {
		f.Drop(v, zero, f.Load(Bits(0xffffffff)))
		VMOVUPS(v, f.row(layout.FeedBottom, c))
		return
	}
	for i, name := range []string{"bottom", "top"} {
		f.Drop(v, zero, f.FloatArg(name))
		VMOVUPS(v, f.row(layout.FeedBottom+i, c))
	}
}

// columns rounds all columns, block after block; after follows each.
func (f *feed) columns(block, after func()) {
	f.y, f.diag, f.error, f.column = Arg("y"), Arg("root"), Copy(f.work), GP64()
	ADDQ(U32(layout.FeedErrors*layout.Candidates*f.Bytes), f.error)
	XORQ(f.column, f.column)
	Label("block")
	f.values = make([][]reg.VecVirtual, f.block)
	for k := range f.values {
		f.values[k] = f.Vectors(f.streams)
		v := f.Load(Mem{Base: f.y, Disp: k * rowBytes})
		for c, t := range f.values[k] {
			Add(t, v, f.row(layout.FeedLow, c))
			Mul(t, t, f.row(layout.FeedInverse, c))
		}
	}
	f.before()
	block()
	ADDQ(U32(4*f.block), f.diag)
	after()
	ADDQ(U32(rowBytes*f.block), f.y)
	ADDQ(U32(layout.Candidates*f.Bytes*f.block), f.error)
	ADDQ(U32(4*f.block), f.column)
	CMPQ(f.column, f.end)
	JB(LabelRef("block"))
}

// before moves the block's values by the errors of the columns before it.
func (f *feed) before() {
	left, error, root := Copy(f.column), Copy(f.work), Arg("root")
	TESTQ(left, left)
	JZ(LabelRef("first"))
	ADDQ(U32(layout.FeedErrors*layout.Candidates*f.Bytes), error)
	ADDQ(f.column, root)
	Loop("before", left, 4, func() {
		var e []reg.VecVirtual
		for c := range f.streams {
			e = append(e, f.Load(Mem{Base: error, Disp: c * f.Bytes}))
		}
		for k := range f.block {
			f.moveBy(k, e, Mem{Base: root, Disp: 4 * k})
		}
		ADDQ(f.end, root)
	}, By(layout.Candidates*f.Bytes, error))
	Label("first")
}

// moveBy subtracts the product of errors and an element of root from a column's values.
func (f *feed) moveBy(k int, e []reg.VecVirtual, root Mem) {
	m := f.Broadcast(root)
	for c, t := range f.values[k] {
		p := f.Vec()
		Mul(p, e[c], m)
		Sub(t, t, p)
	}
}

// roundColumns rounds a block of columns.
func (f *feed) roundColumns() {
	for k := range f.block {
		f.roundColumn(k)
	}
}

// roundColumn rounds a column of the block; its values become its errors.
func (f *feed) roundColumn(k int) {
	for c, t := range f.values[k] {
		l := f.nearest(t, c)
		if f.streams == 1 {
			VMOVUPS(l, Mem{Base: f.level})
			ADDQ(U8(rowBytes), f.level)
		}
		Sub(t, t, l)
		VMOVUPS(t, f.errorOf(k, c))
		if f.streams == 1 {
			Mul(l, t, f.row(layout.FeedUnit, c))
			VMOVUPS(l, Mem{Base: f.move})
			ADDQ(U8(rowBytes), f.move)
			continue
		}
		Mul(l, t, t)
		Mul(l, l, f.Broadcast(Mem{Base: f.diag, Disp: 4 * k}))
		Add(l, l, f.row(layout.FeedLoss, c))
		VMOVUPS(l, f.row(layout.FeedLoss, c))
	}
	for j := k + 1; j < f.block; j++ {
		f.moveBy(j, f.values[k], Mem{Base: f.diag, Disp: 4 * j})
	}
	ADDQ(f.end, f.diag)
}

// nearest returns the level nearest to t.
func (f *feed) nearest(t reg.VecVirtual, c int) reg.VecVirtual {
	if f.table {
		l := f.nonlinear.level(t)
		And(l, l, f.row(layout.FeedBottom, c))
		return l
	}
	l := f.Vec()
	Max(l, t, f.row(layout.FeedBottom, c))
	Min(l, l, f.row(layout.FeedTop, c))
	f.Round(l, l)
	return l
}

// total is a candidate's loss so far.
func (f *feed) total(c int) reg.VecVirtual {
	v := f.Load(f.row(layout.FeedLoss, c))
	Mul(v, v, f.row(layout.FeedSize, c))
	return v
}

// take keeps a candidate in the lanes that it wins.
func (f *feed) take(c int) {
	loss, number := Arg("loss"), Arg("number")
	v, least, n := f.total(c), f.Load(Mem{Base: loss}), f.Load(Mem{Base: number})
	won := f.Compare(Less, v, least)
	f.Choose(least, won, v, least)
	f.Choose(n, won, f.Load(f.row(layout.FeedNumber, c)), n)
	VMOVUPS(least, Mem{Base: loss})
	VMOVUPS(n, Mem{Base: number})
}
