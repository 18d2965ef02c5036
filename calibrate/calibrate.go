// Package calibrate runs a text through a model at full precision and records, for every weight matrix, how strongly
// each input column is used: the importance matrix (imatrix) by which the encoders weigh errors.
//
// Like llama-imatrix it takes windows of 512 tokens, each on its own, and all matrices of the layers, but not the
// output head; and like it, it rounds activations to BF16 for the products with BF16 weights, which is twice as fast
// where the processor has such products. With x the input of a matrix,
//
//	SumSquares[j] = Σ_tokens x_j²     Counts = number of tokens
//
// Each expert counts only the tokens that are routed to it. An expert without any gets the mean of the others in its
// layer (imatrix.Matrix.Pool), and the file says which ones did.
package calibrate

import (
	"context"
	"fmt"
	"math"
	"slices"
	"strings"
	"time"

	"bitmill/eval/infer"
	"bitmill/eval/kernel"
	"bitmill/formats"
	"bitmill/formats/imatrix"
)

// Options of Run; the zero value is useful.
type Options struct {
	Kernel        *kernel.Set // nil: the best this machine has
	Dataset       string      // recorded in the imatrix as the name of the text
	ProcessOutput bool        // also record the input of the output head
	Progress      func(done, total int64)
	Part          func(windows float64) // those under way, of which some layers have run: a fraction counts

	// Save is called about every 20 seconds with the sums so far, which it must store before it returns. Resume is what
	// an earlier run saved; its windows are skipped. The result is the same to the bit as without either.
	Resume *imatrix.Matrix
	Save   func(*imatrix.Matrix) error
}

// saveEvery is the time between two calls of Save.
const saveEvery = 20 * time.Second

// Run records the imatrix of the model over the windows, which must have one length. Its entries are sorted by name.
// Run fails if an input is not a finite number, and returns the imatrix with that error.
func Run(ctx context.Context, pool *infer.Pool, m *infer.Model, windows [][]int32, o Options) (*imatrix.Matrix, error) {
	if len(windows) == 0 {
		return nil, fmt.Errorf("calibration needs at least one window of text")
	}
	m = m.WithRounding()
	c := collector{pool: pool, set: o.Kernel, sums: map[string]*imatrix.Entry{}, head: o.ProcessOutput}
	if c.set == nil {
		c.set = kernel.Best()
	}
	under := 0 // windows in the batch under way
	r := infer.NewRunner(pool, infer.Options{Kernel: o.Kernel, Observe: c.observe, NoHead: !o.ProcessOutput,
		Layer: func(done, total int) {
			if o.Part != nil {
				o.Part(float64(under) * float64(done) / float64(total))
			}
		}})
	perBatch := max(1, infer.BatchTokens/len(windows[0]))
	first, err := c.resume(o.Resume, windows, perBatch)
	if err != nil {
		return nil, err
	}
	saved := time.Now()
	for at := first; at < len(windows); at += perBatch {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		batch := windows[at:min(at+perBatch, len(windows))]
		under = len(batch)
		seqs := make([]infer.Sequence, len(batch))
		for i, w := range batch {
			seqs[i] = infer.Sequence{Tokens: w}
		}
		if _, err := r.Forward(m, seqs); err != nil {
			return nil, err
		}
		if o.Progress != nil {
			o.Progress(int64(at+len(batch)), int64(len(windows)))
		}
		if o.Save != nil && time.Since(saved) >= saveEvery {
			if err := o.Save(c.matrix(o.Dataset, at+len(batch), len(windows[0]))); err != nil {
				return nil, err
			}
			saved = time.Now()
		}
	}
	out := c.matrix(o.Dataset, len(windows), len(windows[0]))
	if err := finite(out); err != nil {
		return out, err
	}
	out.Pool()
	return out, nil
}

// finite fails with the name of the first matrix of the forward pass that has an input other than finite numbers.
func finite(m *imatrix.Matrix) error {
	var first *imatrix.Entry
	for i := range m.Entries {
		e := &m.Entries[i]
		for _, x := range e.SumSquares {
			if x-x != 0 && (first == nil || layer(e) < layer(first)) { // NaN and Inf minus themselves are NaN
				first = e
			}
		}
	}
	if first == nil {
		return m.Check()
	}
	return fmt.Errorf("the input of %s is not a finite number for some tokens: "+
		"the model's weights or its configuration are damaged", first.Name)
}

// layer is the number in blk.N; the output head comes after all layers.
func layer(e *imatrix.Entry) int {
	if n := formats.LayerOf(e.Name); n >= 0 {
		return n
	}
	return math.MaxInt
}

// matrix is the imatrix of the windows so far.
func (c *collector) matrix(dataset string, windows, size int) *imatrix.Matrix {
	out := &imatrix.Matrix{Datasets: []string{dataset}, Windows: windows, WindowSize: size}
	for _, e := range c.sums {
		out.Entries = append(out.Entries, *e)
	}
	slices.SortFunc(out.Entries, func(a, b imatrix.Entry) int { return strings.Compare(a.Name, b.Name) })
	return out
}

// resume takes over the sums of an earlier run and returns the first window that is not in them.
func (c *collector) resume(m *imatrix.Matrix, windows [][]int32, perBatch int) (int, error) {
	if m == nil {
		return 0, nil
	}
	if m.WindowSize != len(windows[0]) || m.Windows > len(windows) || m.Windows%perBatch != 0 {
		return 0, fmt.Errorf("the saved sums cover %d windows of %d tokens, which are not the first of %d windows of %d",
			m.Windows, m.WindowSize, len(windows), len(windows[0]))
	}
	for _, e := range m.Entries {
		c.sums[e.Name] = &e
	}
	return m.Windows, nil
}

// collector adds up the inputs that the engine shows it.
type collector struct {
	pool *infer.Pool
	set  *kernel.Set
	sums map[string]*imatrix.Entry
	head bool
}

// columnsPerTask divides the columns among workers. Each column is summed by one worker in the order of tokens, so
// sums do not depend on the number of threads.
const columnsPerTask = 64

func (c *collector) observe(w *infer.Linear, x []float32, n int) {
	if formats.LayerOf(w.Name) < 0 && !c.head {
		return
	}
	e := c.sums[w.Name]
	if e == nil {
		n := max(1, w.Experts)
		e = &imatrix.Entry{Name: w.Name, SumSquares: make([]float32, n*w.Cols), Counts: make([]float32, n)}
		if !w.Routed {
			e.Counts = e.Counts[:1] // one matrix, or one for each head with the same tokens
		}
		c.sums[w.Name] = e
	}
	if w.Routed || w.Expert == 0 {
		e.Counts[w.Expert] += float32(n)
	}
	sums := e.SumSquares[w.Expert*w.Cols:]
	c.pool.Run((w.Cols+columnsPerTask-1)/columnsPerTask, func(_, task int) {
		j0 := task * columnsPerTask
		j1 := min(j0+columnsPerTask, w.Cols)
		for t := range n {
			c.set.SumSquares(sums[j0:j1], x[t*w.Cols+j0:t*w.Cols+j1])
		}
	})
}
