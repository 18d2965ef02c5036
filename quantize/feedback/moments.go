package feedback

import (
	"errors"

	"bitmill/eval/infer"
	"bitmill/eval/kernel"
)

// moments adds up products of activations over tokens. Both factors are rounded to 8 bits with a scale for each column
// and 128 tokens (kernel.Columns): the rounding of many tokens averages out, and what it adds to the diagonal, under
// 0.1 % of an element, is far below the damping. Sums have one order, whatever the number of threads.
type moments struct {
	pool *infer.Pool
	set  *kernel.Set
}

// tilePanels by as many panels are one task.
const tilePanels = 8

// load rounds n rows of x.
func (m *moments) load(c *kernel.Columns, x []float32, n, cols int) error {
	c.Reset(n, cols)
	errs := make([]error, c.Blocks())
	m.pool.Run(len(errs), func(_, i int) {
		errs[i] = m.set.LoadColumns(c, i, x[i*kernel.ColumnTokens*cols:min(n, (i+1)*kernel.ColumnTokens)*cols])
	})
	return errors.Join(errs...)
}

// add adds Σ a·b' over tokens, with rows and columns rounded up to sixteens. With the same a and b only what is above
// the diagonal is complete: mirror completes the rest.
func (m *moments) add(out *panelled, a, b *kernel.Columns) error {
	if out.v == nil {
		*out = newPanelled(panel*a.Panels(), panel*b.Panels())
	}
	rows, cols := (a.Panels()+tilePanels-1)/tilePanels, (b.Panels()+tilePanels-1)/tilePanels
	errs := make([]error, rows*cols)
	m.pool.Run(len(errs), func(_, task int) {
		i, j := task/cols*tilePanels, task%cols*tilePanels
		iEnd, jEnd := min(a.Panels(), i+tilePanels), min(b.Panels(), j+tilePanels)
		switch {
		case a != b || j > i:
			errs[task] = m.set.AddProducts(out.v, a, b, i, iEnd, j, jEnd)
		case i == j:
			for ; i < iEnd; i++ {
				errs[task] = errors.Join(errs[task], m.set.AddProducts(out.v, a, b, i, i+1, i, jEnd))
			}
		}
	})
	return errors.Join(errs...)
}
