package pipeline

import (
	"crypto/sha256"
	"math"
	"time"

	"github.com/zeebo/blake3"

	"bitmill/eval/infer"
	"bitmill/eval/kernel"
	"bitmill/eval/machine"
	"bitmill/formats"
	"bitmill/formats/block"
	"bitmill/formats/checkpoint"
	"bitmill/quantize"
	"bitmill/quantize/encode"
)

// rates are what a machine takes for the parts of a run, in seconds of one thread, measured in some milliseconds each.
type rates struct {
	threads float64                  // that work at once, in whole cores
	scan    float64                  // a byte of the source's hash
	hash    float64                  // a byte of a file's
	encode  map[formats.Type]float64 // a value
	decode  map[formats.Type]float64 // a value, and its squared error
	product map[formats.Type]float64 // a weight times an activation
	exact   map[formats.Type]float64 // the same without rounding the activation
	score   float64                  // a logit
	beside  float64                  // a token in a layer, beside its products
}

// The sample that is encoded and multiplied.
const (
	rateCols   = 1024
	rateRows   = 32
	rateTokens = 256
)

// tries is how often everything is measured; the fastest counts.
const tries = 8

// fastest is the shortest time of some tries, in seconds of computing where the system counts them: other programs do
// not matter then.
func fastest(f func() error) (float64, error) { return fastestOf(tries, f) }

func fastestOf(tries int, f func() error) (float64, error) {
	best := math.Inf(1)
	for range tries {
		start := time.Now()
		before, counted := machine.CPUTime()
		if err := f(); err != nil {
			return 0, err
		}
		took := time.Since(start)
		if after, _ := machine.CPUTime(); counted {
			took = after - before
		}
		best = min(best, took.Seconds())
	}
	return best, nil
}

// measureRates measures what the job needs.
func (j *job) measureRates() (r *rates, err error) {
	r = &rates{threads: 1, encode: map[formats.Type]float64{},
		decode: map[formats.Type]float64{}, product: map[formats.Type]float64{}, exact: map[formats.Type]float64{}}
	values, err := j.sample()
	if err != nil {
		return nil, err
	}
	data := make([]byte, 1<<18)
	took, _ := fastest(func() error { sha256.Sum256(data); return nil })
	r.hash = took / float64(len(data))
	took, _ = fastest(func() error { blake3.Sum256(data); return nil })
	r.scan = took / float64(len(data))
	for _, p := range j.planned {
		for i := range p.Tensors {
			if err := r.measureType(p.Tensors[i].Type, values); err != nil {
				return nil, err
			}
		}
	}
	types := []formats.Type{j.source.DominantType, formats.F32, formats.Q8_0}
	if len(j.o.Targets)+len(j.o.Locate) > 0 {
		types = append(types, quantize.TargetTypes(j.hasImatrix())...)
	}
	for _, t := range types {
		if err := r.measureType(t, values); err != nil {
			return nil, err
		}
	}
	if j.windows != nil || j.calibration != nil {
		r.measureScore()
		if err := j.measureLayer(r); err != nil {
			return nil, err
		}
	}
	r.measureThreads(checkpoint.Workers(j.Threads), values)
	return r, nil
}

// measureScore measures what is done with a logit.
func (r *rates) measureScore() {
	set, logits := kernel.Best(), make([]float32, 1<<15)
	took, _ := fastest(func() error {
		lse := set.LogSumExp(logits)
		infer.Argmax(logits)
		set.KLDivergence(logits, logits, lse, lse)
		set.KLDivergence(logits, logits, lse, lse)
		return nil
	})
	r.score = took / float64(len(logits))
}

// sample returns values of the model's largest matrix.
func (j *job) sample() ([]float32, error) {
	var largest *checkpoint.Tensor
	for i := range j.source.Tensors {
		if t := &j.source.Tensors[i]; largest == nil || t.Elements() > largest.Elements() {
			largest = t
		}
	}
	values := make([]float32, rateRows*rateCols)
	if largest == nil || largest.Elements() == 0 {
		return values, nil
	}
	rows := min(largest.Rows(), max(1, int64(len(values))/largest.Cols()))
	read := make([]float32, rows*largest.Cols())
	if err := largest.Floats(read, 0, rows); err != nil {
		return nil, err
	}
	largest.Release(0, rows)
	for at := 0; at < len(values); at += copy(values[at:], read) {
	}
	return values, nil
}

// measureType measures a type, unless it has been measured.
func (r *rates) measureType(t formats.Type, values []float32) (err error) {
	if _, done := r.encode[t]; done || !encode.Known(t) {
		return nil
	}
	size, err := t.RowBytes(rateCols)
	if err != nil {
		return err
	}
	data, back := make([]byte, size*rateRows), make([]float32, len(values))
	weights := make([]float32, rateCols)
	for i := range weights {
		weights[i] = 1
	}
	took, err := fastest(func() error { return encode.Encode(t, data, values, rateCols, weights) })
	if err != nil {
		return err
	}
	r.encode[t] = took / float64(len(values))
	took, err = fastest(func() error {
		if err := block.Decode(t, back, data); err != nil {
			return err
		}
		block.SquaredError(values, back, nil)
		return nil
	})
	if err != nil {
		return err
	}
	r.decode[t] = took / float64(len(values))
	form, err := kernel.FormOf(t)
	if err != nil {
		return nil // the engine has no products with it
	}
	if r.product[t], err = measureProduct(t, form, data, values, tries); err != nil || t.Quantized() {
		return err
	}
	r.exact[t], err = measureProduct(t, kernel.FormF32, data, values, tries)
	return err
}

// measureProduct is the time of one product of the sample with activations in a form.
func measureProduct(t formats.Type, form kernel.ActivationForm, data []byte, values []float32,
	tries int) (float64, error) {
	set := kernel.Best()
	x := make([]float32, rateTokens*rateCols)
	for at := 0; at < len(x); at += copy(x[at:], values) {
	}
	var a kernel.Activations
	if err := set.Load(&a, form, x, rateTokens, rateCols); err != nil {
		return 0, err
	}
	var scratch kernel.Scratch
	dst := make([]float32, rateTokens*rateRows)
	w := kernel.Matrix{Type: t, Rows: rateRows, Cols: rateCols, Data: data}
	took, err := fastestOf(tries, func() error { return set.MatMul(dst, rateRows, w, &a, 0, rateRows, &scratch) })
	return took / (rateRows * rateCols * rateTokens), err
}

// layerProducts is about how many products of a layer are timed.
const layerProducts = 1e8

// measureLayer times a layer of the source for what stands beside its products: attention, norms, activations.
func (j *job) measureLayer(r *rates) error {
	if err := j.source.Load(); err != nil {
		return err
	}
	defer j.source.Unload()
	c := j.source.Config
	from := c.Layers / 2
	for from > 0 && j.source.Engine.Cut(from) != nil {
		from--
	}
	windows := j.windows
	if windows == nil {
		windows = j.calibration
	}
	layers := float64(max(1, c.Layers))
	source := j.sourcePass()
	products := r.products(source.layers, true) / layers
	tokens := max(16, int(layerProducts*layers/max(1, sum(source.layers))))
	tokens = min(tokens, len(windows[0])/2)
	pool := infer.NewPool(1)
	defer pool.Close()
	runner := infer.NewRunner(pool, infer.Options{NoHead: true})
	run := func(tokens int) (float64, error) {
		return fastest(func() error {
			_, err := runner.Layers(j.source.Engine, []infer.Sequence{{Tokens: windows[0][:tokens]}}, nil, from, from+1)
			return err
		})
	}
	few, err := run(tokens)
	if err != nil { // its layers do not run alone
		r.beside = 0.3 * products
		return nil
	}
	many, err := run(2 * tokens) // the difference leaves out what a pass takes whatever its length
	r.beside = max(0, (many-few)/float64(tokens)-products)
	return err
}

// measureThreads finds how many cores the threads are worth: fewer than threads where other programs use them too.
func (r *rates) measureThreads(threads int, values []float32) {
	pool := infer.NewPool(threads)
	defer pool.Close()
	data := make([]byte, 4*len(values))
	encode.Encode(formats.F32, data, values, rateCols, nil)
	task := func() error {
		_, err := measureProduct(formats.F32, kernel.FormF32, data, values, 1)
		return err
	}
	one, _ := fastest(task)
	tasks := max(threads, int(0.1/max(one, 1e-6)))
	start := time.Now()
	pool.Run(tasks, func(_, _ int) { task() })
	r.threads = min(float64(threads), max(0.05, float64(tasks)*one/time.Since(start).Seconds()))
}
