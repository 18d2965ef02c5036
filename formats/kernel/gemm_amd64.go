//go:build !purego

package kernel

import "sync"

// gemmScratch is the memory of one Gemm call: a panel of B and products of a panel narrower than sixteen columns.
type gemmScratch struct {
	panel *floatTile
	edge  []float32
}

var gemmPool = sync.Pool{New: func() any { return new(gemmScratch) }}

// gemm multiplies panels of sixteen columns of B. A panel that many rows of A use is copied first, so that its
// rows do not compete for the same places in the cache; so is one narrower than sixteen, filled with zeros.
func (p *products) gemm(c []float32, ldc int, a []float32, lda int, b []float32, ldb int, m, n, k int, accumulate bool) {
	if k == 0 {
		gemmGeneric(c, ldc, a, lda, b, ldb, m, n, k, accumulate)
		return
	}
	const fewRows = 12
	s := gemmPool.Get().(*gemmScratch)
	defer gemmPool.Put(s)
	panel := aligned(&s.panel)
	for j := 0; j < n; j += lanes {
		width := min(lanes, n-j)
		to, ldto := c[j:], ldc
		if width < lanes {
			s.edge = grow(s.edge, m*lanes)
			to, ldto = s.edge, lanes
			if accumulate {
				copyColumns(to, lanes, c[j:], ldc, m, width)
			}
		}
		for l := 0; l < k; l += floatCols {
			rows := min(floatCols, k-l)
			add := 0
			if accumulate || l > 0 {
				add = 1
			}
			from, ldfrom := b[l*ldb+j:], ldb
			if width < lanes || m > fewRows {
				for i := range rows {
					if width < lanes {
						panel[i] = [lanes]float32{}
						copy(panel[i][:width], from[i*ldb:])
					} else {
						panel[i] = [lanes]float32(from[i*ldb:])
					}
				}
				from, ldfrom = panel[0][:], lanes
			}
			p.float(&to[0], 4*ldto, &a[l], 4*lda, &from[0], 4*ldfrom, m, rows, add)
		}
		if width < lanes {
			copyColumns(c[j:], ldc, to, lanes, m, width)
		}
	}
}

func copyColumns(dst []float32, ldd int, src []float32, lds int, rows, cols int) {
	for i := range rows {
		copy(dst[i*ldd:][:cols], src[i*lds:])
	}
}
