//go:build amd64 && !purego

package kernel

import "unsafe"

func (p *products) gemmPanels(c []float32, ldc int, a []float32, lda int, b []float32, step, m, n, k int, accumulate bool) {
	add := 0
	if accumulate {
		add = 1
	}
	for j := 0; j < n; j += lanes {
		p.float(&c[j], 4*ldc, &a[0], 4*lda, &b[j/lanes*step], 4*lanes, m, k, add)
	}
}

// packPanel transposes squares of eight by eight; what is left is done by the generic function.
func (p *products) packPanel(dst, src []float32, stride, rows, cols int) {
	whole := cols &^ 7
	r := 0
	if whole > 0 {
		for ; r+8 <= rows; r += 8 {
			p.transpose((*uint32)(unsafe.Pointer(&dst[r])), 8*4*lanes, (*uint32)(unsafe.Pointer(&src[r*stride])), 4*stride, whole/8)
		}
		if r > 0 && whole < cols {
			packPanelGeneric(dst[whole*lanes:], src[whole:], stride, r, cols-whole)
		}
	}
	if r < rows {
		packPanelGeneric(dst[r:], src[r*stride:], stride, rows-r, cols)
	}
}
