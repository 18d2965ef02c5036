package kernel

import (
	"unsafe"

	"bitmill/eval/kernel/vec"
)

// PanelCols is the width of a panel: a matrix cut into panels holds columns [16p, 16p+16) of all its rows one after the
// other, so that a product reads it from front to back.
const PanelCols = lanes

// GemmPanels computes C[i,j] = sum_l A[i,l]*B[l,j] (accumulate: adds it to C) for i < m, j < n, l < k. A and C are
// row-major with row strides lda and ldc; B is in panels: B[l,j] lies at b[j/16*step + 16*l + j%16]. n is a multiple
// of PanelCols. It panics if a slice is too short for its shape. Every sum is a chain of fused products in the order of
// l, to which C is added in the end, in all Sets.
func (s *Set) GemmPanels(c []float32, ldc int, a []float32, lda int, b []float32, step, m, n, k int, accumulate bool) {
	if m <= 0 || n <= 0 {
		return
	}
	_ = c[(m-1)*ldc+n-1]
	if k == 0 {
		s = generic // sums of nothing
	} else {
		_, _ = a[(m-1)*lda+k-1], b[(n-1)/lanes*step+k*lanes-1]
	}
	if s.float == nil {
		gemmPanelsGeneric(c, ldc, a, lda, b, step, m, n, k, accumulate)
		return
	}
	add := 0
	if accumulate {
		add = 1
	}
	for j := 0; j < n; j += lanes {
		s.float(&c[j], 4*ldc, &a[0], 4*lda, &b[j/lanes*step], 4*lanes, m, k, add)
	}
}

func gemmPanelsGeneric(c []float32, ldc int, a []float32, lda int, b []float32, step, m, n, k int, accumulate bool) {
	for j := 0; j < n; j += lanes {
		for i := range m {
			var sum [lanes]float32
			for l := range k {
				x := a[i*lda+l]
				for at, y := range b[j/lanes*step+lanes*l:][:lanes] {
					r, sure := vec.TryFMA(x, y, sum[at])
					if !sure {
						r = vec.FMA(x, y, sum[at])
					}
					sum[at] = r
				}
			}
			row := c[i*ldc+j:][:lanes]
			for at, v := range sum {
				if accumulate {
					v += row[at]
				}
				row[at] = v
			}
		}
	}
}

// PackPanel transposes up to sixteen rows into a panel: dst[16*j+r] = src[r*stride+j] for r < rows <= 16 and j < cols.
func (s *Set) PackPanel(dst, src []float32, stride, rows, cols int) {
	if rows <= 0 || cols <= 0 {
		return
	}
	_, _ = dst[(cols-1)*lanes+rows-1], src[(rows-1)*stride+cols-1]
	whole, r := cols&^7, 0
	if s.transpose != nil && whole > 0 { // squares of eight by eight
		for ; r+8 <= rows; r += 8 {
			s.transpose((*uint32)(unsafe.Pointer(&dst[r])), 8*4*lanes,
				(*uint32)(unsafe.Pointer(&src[r*stride])), 4*stride, whole/8)
		}
		if r > 0 && whole < cols {
			packPanelGeneric(dst[whole*lanes:], src[whole:], stride, r, cols-whole)
		}
	}
	if r < rows {
		packPanelGeneric(dst[r:], src[r*stride:], stride, rows-r, cols)
	}
}

func packPanelGeneric(dst, src []float32, stride, rows, cols int) {
	for r := range rows {
		for j, x := range src[r*stride : r*stride+cols] {
			dst[j*lanes+r] = x
		}
	}
}
