// Package calibrate runs a text through a model at full precision and records, for every weight matrix, how strongly
// each input column is used: the importance matrix (imatrix) that the encoders weigh errors with.
//
// It follows llama-imatrix: windows of 512 tokens, each on its own, all matrices of the layers (not the output head),
//
//	SumSquares[j] = Σ_tokens x_j²     Counts = number of tokens
//
// of experts one by one, over the tokens that are routed to each. Experts that no token reached get the mean of their
// siblings (imatrix.Matrix.Pool), and the file says which.
//
// It uses the engine of eval/infer, the one arrow from this package to eval.
package calibrate

import (
	"context"
	"fmt"
	"math"
	"sort"
	"strings"
	"time"

	"bitmill/eval/infer"
	"bitmill/eval/kernel"
	"bitmill/formats/imatrix"
)

// Options of Run; the zero value is useful.
type Options struct {
	Kernel        *kernel.Set // nil: the best this machine has
	Dataset       string      // recorded in the imatrix as the name of the text
	ProcessOutput bool        // also record the output head's input
	Progress      func(done, total int64)

	// Resume is what an earlier sitting saved; its windows are skipped. Save is called now and then with the sums so
	// far, which it must write down before it returns. The result is the same to the bit as without either.
	Resume *imatrix.Matrix
	Save   func(*imatrix.Matrix) error
}

// saveEvery is the time between two calls of Save.
const saveEvery = 20 * time.Second

// Run records the imatrix of the model over the windows, which all have one length.
func Run(ctx context.Context, pool *infer.Pool, m *infer.Model, windows [][]int32, o Options) (*imatrix.Matrix, error) {
	if len(windows) == 0 {
		return nil, fmt.Errorf("calibration needs at least one window of text")
	}
	c := collector{pool: pool, set: o.Kernel, sums: map[string]*imatrix.Entry{}, head: o.ProcessOutput}
	if c.set == nil {
		c.set = kernel.Best()
	}
	r := infer.NewRunner(pool, infer.Options{Kernel: o.Kernel, Observe: c.observe, NoHead: !o.ProcessOutput})
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

// finite names the first matrix of the forward pass whose input is no finite number.
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
	return fmt.Errorf("the input of %s is not a finite number for some tokens: the model's weights or its configuration are damaged", first.Name)
}

// layer is the number in blk.N; the output head comes last.
func layer(e *imatrix.Entry) int {
	n := math.MaxInt
	fmt.Sscanf(e.Name, "blk.%d.", &n)
	return n
}

// matrix is the imatrix of the windows so far.
func (c *collector) matrix(dataset string, windows, size int) *imatrix.Matrix {
	out := &imatrix.Matrix{Datasets: []string{dataset}, Chunks: windows, ChunkSize: size}
	for _, e := range c.sums {
		out.Entries = append(out.Entries, *e)
	}
	sort.Slice(out.Entries, func(i, j int) bool { return out.Entries[i].Name < out.Entries[j].Name })
	return out
}

// resume takes over the sums of an earlier sitting and returns the first window still to do.
func (c *collector) resume(m *imatrix.Matrix, windows [][]int32, perBatch int) (int, error) {
	if m == nil {
		return 0, nil
	}
	if m.ChunkSize != len(windows[0]) || m.Chunks > len(windows) || m.Chunks%perBatch != 0 {
		return 0, fmt.Errorf("the saved sums cover %d windows of %d tokens, which is no beginning of %d windows of %d", m.Chunks, m.ChunkSize, len(windows), len(windows[0]))
	}
	for i := range m.Entries {
		e := m.Entries[i]
		c.sums[e.Name] = &e
	}
	return m.Chunks, nil
}

// collector adds up what the engine shows it.
type collector struct {
	pool *infer.Pool
	set  *kernel.Set
	sums map[string]*imatrix.Entry
	head bool
}

// columnsPerTask cuts the columns among workers, so that each column is summed by one worker in token order and the
// sums do not depend on the number of threads.
const columnsPerTask = 64

func (c *collector) observe(w *infer.Linear, x []float32, n int) {
	if !strings.HasPrefix(w.Name, "blk.") && !c.head {
		return
	}
	e := c.sums[w.Name]
	if e == nil {
		n := max(1, w.Experts)
		e = &imatrix.Entry{Name: w.Name, SumSquares: make([]float32, n*w.Cols), Counts: make([]float32, n)}
		if !w.Routed {
			e.Counts = e.Counts[:1] // one matrix, or one per head, which all see the same tokens
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
