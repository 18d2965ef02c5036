package kernel

// Gemm computes C[i,j] = sum_k A[i,k]*B[k,j] (accumulate: adds it to C) for i < m, j < n. Matrices are row-major with
// row strides ldc, lda, ldb. Slices too short for their shape panic, as any index out of range does.
func (s *Set) Gemm(c []float32, ldc int, a []float32, lda int, b []float32, ldb int, m, n, k int, accumulate bool) {
	if m <= 0 || n <= 0 {
		return
	}
	_ = c[(m-1)*ldc+n-1]
	if k > 0 {
		_, _ = a[(m-1)*lda+k-1], b[(k-1)*ldb+n-1]
	}
	s.gemm(c, ldc, a, lda, b, ldb, m, n, k, accumulate)
}

func gemmGeneric(c []float32, ldc int, a []float32, lda int, b []float32, ldb int, m, n, k int, accumulate bool) {
	for i := range m {
		row := c[i*ldc : i*ldc+n]
		if !accumulate {
			clear(row)
		}
		for l := range k {
			x := a[i*lda+l]
			for j, y := range b[l*ldb : l*ldb+n] {
				row[j] += x * y
			}
		}
	}
}
