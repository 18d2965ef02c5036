package quantize

import "bitmill/formats"

// DefaultMemory is how many bytes the slabs in flight may take together by default.
const DefaultMemory = 512 << 20

// slabValues is about how many values a worker handles at once: 1 MiB as float32.
const slabValues = 1 << 18

// fewestValues is the smallest part of a row: handing on a single value costs more than any memory is worth.
const fewestValues = 1 << 12

// budget splits the work so that the buffers of all slabs and workers together stay within a number of bytes. A row of
// a quantized tensor is never split, another one not below fewestValues: a row larger than the budget exceeds it.
type budget struct {
	slabs   int   // in flight at a time
	values  int64 // decoded, per worker
	outputs int64 // bytes, per slab
}

// splitWork sets the number of rows in every task's slabs.
func splitWork(tasks []*task, threads int, memory int64) budget {
	b := budget{slabs: 2*threads + 1}
	share := memory / int64(b.slabs)
	largest := int64(1)
	for _, t := range tasks {
		if t.rowCost() > share {
			t.flatten()
		}
		cost := max(1, t.rowCost())
		least := int64(1)
		if t.flat {
			least = fewestValues
		}
		t.step = min(max(least, share/cost), max(1, slabValues/max(1, t.cols)), max(1, t.perMatrix))
		largest = max(largest, t.step*cost)
		b.outputs = max(b.outputs, t.step*t.outputRow())
		if t.decodes() {
			b.values = max(b.values, t.step*t.cols)
		}
	}
	b.slabs = int(min(int64(b.slabs), max(1, memory/largest)))
	return b
}

// rowCost is how many bytes one row takes in buffers.
func (t *task) rowCost() int64 {
	cost := t.outputRow()
	if t.decodes() {
		cost += 4 * t.cols
	}
	return cost
}

// outputRow is how many bytes one row takes in all encodings that are not written straight from a mapped file.
func (t *task) outputRow() (n int64) {
	for _, e := range t.encodings {
		if e.data == nil && (e.typ != t.tensor.Type || t.tensor.Bytes() == nil) {
			n += e.row
		}
	}
	return n
}

// flatten makes every value a row of its own where nothing depends on rows: the types have no blocks, and the data lie
// in order.
func (t *task) flatten() {
	plain := func(typ formats.Type) bool { return typ == formats.F32 || typ == formats.F16 || typ == formats.BF16 }
	if !plain(t.tensor.Type) || t.tensor.Bytes() == nil || t.cols == 0 {
		return
	}
	for _, e := range t.encodings {
		if !plain(e.typ) {
			return
		}
	}
	t.flat = true
	t.sourceRow /= t.cols
	for i := range t.encodings {
		t.encodings[i].row /= t.cols
	}
	t.rows *= t.cols
	t.perMatrix, t.cols = t.rows, 1
}
