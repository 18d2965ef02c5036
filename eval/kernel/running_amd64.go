//go:build !purego

package kernel

func addPartAVX2(r *RunningSoftmax, x []float32, stride, width int, seen []int32, f float32) {
	runningPart(&x[0], 4*stride, width, &seen[0], len(seen), f, &r.Top[0], &r.Factor[0], &r.Sum[0])
}

func addPartAVX512(r *RunningSoftmax, x []float32, stride, width int, seen []int32, f float32) {
	wideRunningPart(&x[0], 4*stride, width, &seen[0], len(seen), f, &r.Top[0], &r.Factor[0], &r.Sum[0])
}
