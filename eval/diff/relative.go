package diff

import (
	"context"
	"fmt"
	"math"

	"bitmill/formats/block"
	"bitmill/formats/checkpoint"
)

// RelativeOptions says how to measure errors.
type RelativeOptions struct {
	checkpoint.Pass // Progress counts values

	// Weights returns the weights of the columns of a tensor: one per column, or one per column of each of its matrices;
	// nil: all weigh the same.
	Weights func(name string) []float32
	Whole   int64 // largest tensor, in values, that is read whole; of larger ones, evenly spaced rows are. 0: 16 Mi
}

// sampledValues is about the number of values read from a tensor that is not read whole.
var sampledValues = int64(4 << 20)

// Errors are relative errors of tensors.
type Errors struct {
	// Relative is sqrt(sum w (x-q)^2 / sum w x^2) by artifact and by tensor of the source, in its order: x the source's
	// values, q the artifact's, w the columns' weights. NaN where the artifact has the source's type, or one that is not
	// quantized, or where the source is zero.
	Relative [][]float64
	Weighted int // tensors with weights
	Sampled  int // tensors that were not read whole
}

// Relative measures how far the quantized tensors of artifacts are from those of their source. The source is read once
// for all artifacts, in chunks. The result does not depend on the number of threads.
func Relative(ctx context.Context, source *checkpoint.Checkpoint, artifacts []*checkpoint.Checkpoint,
	o RelativeOptions) (*Errors, error) {
	if o.Whole <= 0 {
		o.Whole = 16 << 20
	}
	e := &Errors{Relative: make([][]float64, len(artifacts))}
	for i := range e.Relative {
		e.Relative[i] = make([]float64, len(source.Tensors))
	}
	total := int64(0)
	jobs := make([]relativeJob, len(source.Tensors))
	for i := range source.Tensors {
		j := &jobs[i]
		j.source = &source.Tensors[i]
		for k, a := range artifacts {
			e.Relative[k][i] = math.NaN()
			t, ok := a.Tensor(j.source.Name)
			if ok && t.Type.Quantized() && t.Type != j.source.Type && j.source.SameShape(t.Tensor) {
				j.artifacts, j.at = append(j.artifacts, t), append(j.at, k)
			}
		}
		if j.artifacts == nil {
			continue
		}
		if j.plan(o); j.weights != nil {
			e.Weighted++
		}
		if j.stride > j.rows {
			e.Sampled++
		}
		total += j.values()
	}
	err := o.Each(ctx, len(jobs), total, func(ctx context.Context, i int, report func(int64)) error {
		if jobs[i].artifacts == nil {
			return nil
		}
		w := workers.Get().(*worker)
		defer workers.Put(w)
		errors, err := w.relative(ctx, &jobs[i], report)
		for n, k := range jobs[i].at {
			if err == nil {
				e.Relative[k][i] = errors[n]
			}
		}
		return err
	})
	if err != nil {
		return nil, err
	}
	return e, nil
}

// relativeJob is a tensor of the source with its quantized counterparts in the artifacts numbered at.
type relativeJob struct {
	source       *checkpoint.Tensor
	artifacts    []*checkpoint.Tensor
	at           []int
	weights      []float32
	rows, stride int64 // of every stride rows, the first rows are read
}

// plan chooses the rows to read and finds the weights.
func (j *relativeJob) plan(o RelativeOptions) {
	t := j.source
	cols := max(t.Cols(), 1)
	j.rows = max(1, (64<<10)/cols)
	j.stride = j.rows
	if n := t.Elements(); n > o.Whole { // single rows, where they are long: a mixture has few rows of each expert
		j.rows = max(1, 4096/cols)
		j.stride = max(j.rows, n/sampledValues*j.rows)
	}
	if o.Weights != nil {
		if w := o.Weights(t.Name); len(w) > 0 && int64(len(w))%cols == 0 && t.Rows()%(int64(len(w))/cols) == 0 {
			j.weights = w
		}
	}
}

// values is how many values of the source are read.
func (j *relativeJob) values() (n int64) {
	for first := int64(0); first < j.source.Rows(); first += j.stride {
		n += min(j.rows, j.source.Rows()-first) * j.source.Cols()
	}
	return n
}

// relative reads the job's rows of all tensors.
func (w *worker) relative(ctx context.Context, j *relativeJob, report func(int64)) ([]float64, error) {
	t := j.source
	rows, cols := t.Rows(), t.Cols()
	defer j.release(0, rows)
	power := 0.0
	apart := make([]float64, len(j.artifacts))
	for first := int64(0); first < rows; first += j.stride {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		n := min(j.rows, rows-first)
		if int64(cap(w.a)) < n*cols {
			w.a, w.b = make([]float32, n*cols), make([]float32, n*cols)
		}
		x, q := w.a[:n*cols], w.b[:n*cols]
		if err := t.Floats(x, first, n); err != nil {
			return nil, err
		}
		power += j.squares(x, nil, first)
		for i, a := range j.artifacts {
			if err := a.Floats(q, first, n); err != nil {
				return nil, fmt.Errorf("artifact: %w", err)
			}
			apart[i] += j.squares(x, q, first)
		}
		report(n * cols)
		// Reading also maps neighbouring pages, among them some of chunks released before: release them again.
		back := max(0, first-16*j.stride)
		j.release(back, first+n-back)
	}
	for i := range apart {
		apart[i] = math.Sqrt(apart[i] / power)
	}
	return apart, nil
}

// release releases n rows of all tensors.
func (j *relativeJob) release(first, n int64) {
	j.source.Release(first, n)
	for _, a := range j.artifacts {
		a.Release(first, n)
	}
}

// squares is sum w (x-q)^2 over rows from the first on; without q, sum w x^2.
func (j *relativeJob) squares(x, q []float32, first int64) float64 {
	cols := int(j.source.Cols())
	sum := 0.0
	for r := 0; r*cols < len(x); r++ {
		var artifact []float32
		if q != nil {
			artifact = q[r*cols : (r+1)*cols]
		}
		sum += block.SquaredError(x[r*cols:(r+1)*cols], artifact, j.rowWeights(first+int64(r)))
	}
	return sum
}

// rowWeights are the weights of a row's columns: those of the matrix it lies in.
func (j *relativeJob) rowWeights(row int64) []float32 {
	if j.weights == nil {
		return nil
	}
	cols := j.source.Cols()
	matrices := int64(len(j.weights)) / cols
	at := row / (j.source.Rows() / matrices) * cols
	return j.weights[at : at+cols]
}
