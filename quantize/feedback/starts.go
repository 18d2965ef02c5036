package feedback

import (
	"slices"

	"bitmill/eval/infer"
	"bitmill/quantize"
)

// starts are ways to search, the first of which is used when there is one. The others have the columns as they are, or
// the moments damped more or less. All end in the descent under the moments as they are, and every row keeps the best.
var starts = [quantize.MostStarts]struct {
	natural bool    // order
	damping float32 // times that of the moments
}{{false, 1}, {true, 1}, {false, 5}, {false, 20}, {false, 0.1}}

// others are the solver with further starts, up to count of them with its own; added is what damping added to the
// diagonal of h.
func (s *Solver) others(pool *infer.Pool, h panelled, added []float32, count int) (list []*Solver, err error) {
	list = []*Solver{s}
	for _, start := range starts[1:max(1, min(count, len(starts)))] {
		other, moments, order := *s, h, s.perm
		if start.damping != 1 {
			moments.v = slices.Clone(h.v)
			for i, v := range moments.diagonal {
				*v += (start.damping - 1) * added[i]
			}
		}
		if start.natural {
			order = make([]int, s.n)
			for i := range order {
				order[i] = i
			}
		}
		if err := other.arrange(pool, moments, order); err != nil {
			return nil, err
		}
		list = append(list, &other)
	}
	return list, nil
}
