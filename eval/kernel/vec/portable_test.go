package vec

import (
	"fmt"
	"math"
	"unsafe"
)

// portable makes a Set as an instruction set with vectors of four numbers would be, of functions in plain Go: they say
// what generated functions compute, and let tests run what is around them on every architecture.
var portable = func() *Set {
	maximum := maximumOf(4, func(x *float32, n int) float32 { return maximumGeneric(four(x, n)) }, generic)
	scale := oneSliceBy(4, func(x *float32, n int, f float32) { scaleGeneric(four(x, n), f) }, scaleGeneric)
	return &Set{
		addPart:        addPartOf(addPartPortable),
		maximum:        maximum,
		deltaStep:      deltaStepOf(deltaStepPortable),
		scale:          scale,
		softmax:        softmaxOf(4, expSumPortable, maximum, scale, generic),
		logSumExp:      logSumExpOf(4, sumExpPortable, maximum, generic),
		rmsNorm:        rmsNormOf(4, squaresPortable, normPortable),
		add:            twoSlices(4, pairs(addGeneric), addGeneric),
		addScaled:      twoSlicesBy(4, pairsBy(addScaledGeneric), addScaledGeneric),
		mul:            twoSlices(4, pairs(mulGeneric), mulGeneric),
		addProduct:     threeSlices(4, triples(addProductGeneric), addProductGeneric),
		conv:           convFuncs{8, convs{2: convPortable(2), 3: convPortable(3), 4: convPortable(4)}},
		center:         centerOf(4, sumPortable, shiftPortable),
		sumSquares:     twoSlices(4, pairs(sumSquaresGeneric), sumSquaresGeneric),
		klDivergence:   klDivergenceOf(4, divergencePortable, generic),
		rope:           ropeOf(4, rotatePortable, rotatePairsPortable),
		siluMul:        twoSlices(4, pairs(siluMulGeneric), siluMulGeneric),
		geluMul:        twoSlices(4, pairs(geluMulGeneric), geluMulGeneric),
		geluTanhMul:    twoSlices(4, pairs(geluTanhMulGeneric), geluTanhMulGeneric),
		swigluOAIMul:   twoSlicesBy(4, pairsBy(swigluOAIMulGeneric), swigluOAIMulGeneric),
		reluSquaredMul: twoSlices(4, pairs(reluSquaredMulGeneric), reluSquaredMulGeneric),
		xielu:          xieluOf(4, xieluPortable, xieluGeneric),
		sigmoid:        oneSlice(4, func(x *float32, n int) { sigmoidGeneric(four(x, n)) }, sigmoidGeneric),
		softCap: oneSliceBy(4, capOf(func(x *float32, n int, twice, limit float32) {
			if twice != 2/limit {
				panic(fmt.Sprint(twice, " is not twice the inverse of ", limit))
			}
			softCapGeneric(four(x, n), limit)
		}), softCapGeneric),

		stateSpace: portableStateSpace,
	}
}()

// four returns the n numbers from x on, whole vectors of four.
func four(x *float32, n int) []float32 {
	if n%4 != 0 || n == 0 {
		panic(fmt.Sprint(n, " numbers are not whole vectors"))
	}
	return unsafe.Slice(x, n)
}

func pairs(f func(dst, x []float32)) func(dst, x *float32, n int) {
	return func(dst, x *float32, n int) { f(four(dst, n), four(x, n)) }
}

func triples(f func(dst, x, y []float32)) func(dst, x, y *float32, n int) {
	return func(dst, x, y *float32, n int) { f(four(dst, n), four(x, n), four(y, n)) }
}

func pairsBy(f func(dst, x []float32, by float32)) func(dst, x *float32, n int, by float32) {
	return func(dst, x *float32, n int, by float32) { f(four(dst, n), four(x, n), by) }
}

func xieluPortable(x *float32, n int, positive, negative, beta, eps float32) {
	xieluGeneric(four(x, n), &XIELU{positive, negative, beta, eps})
}

func addPartPortable(x *float32, stride, width int, seen *int32, rows int, f float32, top, factors *float32,
	sum *float64) {
	r := &RunningSoftmax{unsafe.Slice(top, rows), unsafe.Slice(sum, rows), unsafe.Slice(factors, rows)}
	addPartGeneric(r, unsafe.Slice(x, (rows-1)*stride/4+width), stride/4, width, unsafe.Slice(seen, rows), f)
}

func convPortable(size int) func(dst *float32, dstStride int, x *float32, stride, rows int, window, taps *float32, width,
	n int) {
	return func(dst *float32, dstStride int, x *float32, stride, rows int, window, taps *float32, width, n int) {
		if n%8 != 0 || n == 0 {
			panic(fmt.Sprint(n, " channels are not whole vectors"))
		}
		generic.convolveRows(unsafe.Slice(dst, (rows-1)*dstStride/4+n), dstStride/4, unsafe.Slice(x, (rows-1)*stride/4+n),
			stride/4, rows, unsafe.Slice(window, (size-2)*width/4+n), unsafe.Slice(taps, (size-1)*width/4+n), size, width/4, n)
	}
}

func deltaStepPortable(state, k, q *float32, rows int, v, y *float32, panels int, decay, beta float32) {
	n := panels * panel
	deltaStepGeneric(unsafe.Slice(state, rows*n), unsafe.Slice(k, rows), unsafe.Slice(q, rows), unsafe.Slice(v, n),
		unsafe.Slice(y, n), decay, beta)
}

func expSumPortable(x *float32, n int, scale, top float32) (sum float64) {
	for i, v := range four(x, n) {
		e := exp(scale*v - top)
		four(x, n)[i] = e
		sum += float64(e)
	}
	return sum
}

func sumExpPortable(x *float32, n int, scale, top float32) (sum float64) {
	for _, v := range four(x, n) {
		sum += float64(exp(scale*v - top))
	}
	return sum
}

func squaresPortable(x *float32, n int) (sum float64) {
	for _, v := range four(x, n) {
		sum += float64(v) * float64(v)
	}
	return sum
}

func normPortable(dst, x, gain *float32, n int, scale float32) {
	for i, v := range four(x, n) {
		four(dst, n)[i] = v * scale * four(gain, n)[i]
	}
}

func sumPortable(x *float32, n int) (sum float64) {
	for _, v := range four(x, n) {
		sum += float64(v)
	}
	return sum
}

func shiftPortable(dst, x *float32, n int, by float64) {
	for i, v := range four(x, n) {
		four(dst, n)[i] = float32(float64(v) - by)
	}
}

func divergencePortable(p, q *float32, n int, lseP, delta float64) (sum float64) {
	for i, v := range four(p, n) {
		if w := float64(float32(math.Exp(float64(float32(float64(v) - lseP))))); w > 0 {
			sum += w * (float64(v) - float64(four(q, n)[i]) - delta)
		}
	}
	return sum
}

func rotatePortable(a, b, cos, sin *float32, n int) {
	x := append(append([]float32(nil), four(a, n)...), four(b, n)...)
	ropeGeneric(x, four(cos, n), four(sin, n), false)
	copy(four(a, n), x)
	copy(four(b, n), x[n:])
}

func rotatePairsPortable(x, cos, sin *float32, n int) {
	ropeGeneric(four(x, 2*n), four(cos, n), four(sin, n), true)
}

var portableStateSpace = stateSpaceOf(4, func(x *float32, n int) { softplusGeneric(four(x, n)) },
	func(x *float32, n int) { expGeneric(four(x, n)) },
	func(h, b, c *float32, n int, v, y *float32, panels int, decay, gain, skip float32) {
		stepStateGeneric(unsafe.Slice(h, panels*n*panel), unsafe.Slice(y, panels*panel), unsafe.Slice(v, panels*panel),
			unsafe.Slice(b, n), unsafe.Slice(c, n), decay, gain, skip)
	},
	func(dst, src *float32, stride, diagonal, below int, decay, gain, last *float32) {
		rows := diagonal + below
		n := (rows-1)*stride/4 + panel
		decayRowsGeneric(unsafe.Slice(dst, n), unsafe.Slice(src, n), stride/4, unsafe.Slice(decay, rows),
			unsafe.Slice(gain, rows), unsafe.Slice(last, panel))
	},
	func(dst, src, by *float32, width, rows int) {
		mulRowsGeneric(unsafe.Slice(dst, rows*width), unsafe.Slice(src, rows*width), unsafe.Slice(by, width))
	})
