package infer

import (
	"context"
	"errors"
	"fmt"

	"bitmill/eval/kernel"
	"bitmill/eval/machine"
	"bitmill/formats/file"
)

// ErrMemory means that the weights do not fit into the available memory.
var ErrMemory = errors.New("not enough memory")

var available = machine.Available // a variable for tests

// LoadToRAM moves the matrices from the file's mapping to memory of the process, repacked where the kernels are faster
// with that: generating reads all of them for each token, and reads them from there at the speed of memory. It takes
// about as long as reading the file once, and as much memory as the weights, whose pages of the mapping it gives back.
// Close frees the memory.
//
// It fails with ErrMemory if too little is available, and with the context's error; both leave the model as it was,
// ready to run. Afterwards the model must run with the same set of kernels, and neither observed nor in exact form.
func (m *Model) LoadToRAM(ctx context.Context, pool *Pool, set *kernel.Set, progress func(done, total int64)) error {
	if m.memory != nil {
		return nil
	}
	moves, total := m.moves(set)
	const room = 64 << 20 // for everything else
	if free, ok := available(); ok && total+room > free {
		return fmt.Errorf("%w: the weights take %d MiB, %d MiB are available", ErrMemory, total>>20, free>>20)
	}
	memory, err := machine.Alloc(int(total))
	if err != nil {
		return fmt.Errorf("%w: %w", ErrMemory, err)
	}
	done := int64(0)
	for _, w := range moves {
		w.to = memory.Bytes[w.at : w.at+w.size : w.at+w.size]
		err := ctx.Err()
		if err == nil {
			err = w.run(pool, set)
		}
		if err != nil {
			memory.Free()
			return err
		}
		if done += int64(w.size); progress != nil {
			progress(done, total)
		}
	}
	for _, w := range moves {
		w.from.Data, w.from.Repacked = w.to, w.repacked
	}
	m.memory = memory
	return nil
}

// ResidentBytes is the memory that LoadToRAM has taken; 0: the model runs from its mapping.
func (m *Model) ResidentBytes() int64 {
	if m.memory == nil {
		return 0
	}
	return int64(len(m.memory.Bytes))
}

// Close frees the memory of LoadToRAM. The model must not run afterwards.
func (m *Model) Close() {
	if m != nil {
		m.memory.Free()
	}
}

// move is one matrix on its way to memory.
type move struct {
	from     *Linear
	repacked bool
	at, size int
	to       []byte
}

// moves lists all matrices with their places, aligned to cache lines.
func (m *Model) moves(set *kernel.Set) (list []*move, total int64) {
	add := func(w *Linear) {
		v := &move{from: w, size: len(w.Data), at: int(total)}
		if set.WantsRepacked(w.Matrix) && w.form != kernel.FormF32 {
			v.repacked, v.size = true, w.RepackedBytes()
		}
		total += int64((v.size + 63) &^ 63)
		list = append(list, v)
	}
	m.each(add)
	add(&m.output)
	return list, total
}

// moveRows is how many rows one task moves, a multiple of the rows repacked together.
const moveRows = 128

// run moves the matrix and releases its pages of the mapping.
func (v *move) run(pool *Pool, set *kernel.Set) error {
	w := v.from
	tasks := (w.Rows + moveRows - 1) / moveRows
	row, errs := len(w.Data)/w.Rows, make([]error, tasks)
	pool.Run(tasks, func(_, task int) {
		r0, r1 := task*moveRows, min((task+1)*moveRows, w.Rows)
		if v.repacked {
			errs[task] = set.Repack(v.to, w.Matrix, r0, r1)
		} else {
			copy(v.to[r0*row:r1*row], w.Data[r0*row:])
		}
		file.Release(w.Data[r0*row : r1*row])
	})
	if err := errors.Join(errs...); err != nil {
		return fmt.Errorf("%s: %w", w.Name, err)
	}
	return nil
}
