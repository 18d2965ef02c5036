package infer

import (
	"fmt"

	"bitmill/eval/kernel"
	"bitmill/formats"
	"bitmill/formats/checkpoint"
	"bitmill/formats/checkpoint/arch"
)

// loader reads tensors and keeps the first error, so that a list of tensors reads as a list.
type loader struct {
	c   *checkpoint.Checkpoint
	m   *Model
	err error

	bound map[string]bool // names of the tensors that are in the model
}

// elements is the number of values of a tensor; 0 when there is none.
func (l *loader) elements(name string) int {
	if t, ok := l.c.Tensor(name); ok {
		return int(t.Elements())
	}
	return 0
}

func (l *loader) has(name string) bool {
	_, ok := l.c.Tensor(name)
	return ok
}

func (l *loader) fail(err error) {
	if l.err == nil {
		l.err = err
	}
}

func (l *loader) tensor(name string, cols, rows int) *checkpoint.Tensor {
	t, ok := l.c.Tensor(name)
	if !ok {
		l.fail(fmt.Errorf("tensor %s is missing", name))
		return nil
	}
	if t.Cols() != int64(cols) || t.Rows() != int64(rows) {
		l.fail(fmt.Errorf("tensor %s: %w: shape is %v, the configuration wants [%d %d]",
			name, formats.ErrCorrupt, t.Shape, cols, rows))
		return nil
	}
	l.bound[name] = true
	return t
}

// matrix is matrix i of a stack of n, as the map holds it. Rows that the map holds in another order are copied.
func (l *loader) matrix(name string, cols, rows, i, n int) kernel.Matrix {
	t := l.tensor(name, cols, rows*n)
	if t == nil {
		return kernel.Matrix{}
	}
	data := t.Matrix(int64(i))
	if n == 1 {
		data = t.Bytes()
	}
	if t.Factors() != nil {
		raw, err := t.Raw() // multiplied later: see ranges
		if err != nil {
			l.fail(err)
			return kernel.Matrix{}
		}
		data = raw
	}
	if data == nil {
		size, err := t.Type.RowBytes(t.Cols())
		if err != nil {
			l.fail(err)
			return kernel.Matrix{}
		}
		data = make([]byte, size*int64(rows))
		if err := t.ReadRows(data, int64(i*rows), int64(rows)); err != nil {
			l.fail(err)
		}
	}
	return kernel.Matrix{Type: t.Type, Rows: rows, Cols: cols, Data: data}
}

// ranges are the factors by which a matrix is multiplied on its way from its source. Its products are, instead: a
// reference is not rounded.
func (l *loader) ranges(name string) (list []rowRange) {
	t, ok := l.c.Tensor(name)
	if !ok {
		return nil
	}
	f := t.Factors()
	if f == nil {
		return nil
	}
	from := 0
	for i, end := range f.Ends {
		factor := float32(1)
		for _, by := range f.By[i] {
			factor *= by
		}
		if factor != 1 {
			list = append(list, rowRange{from, int(end), factor})
		}
		from = int(end)
	}
	return list
}

func (l *loader) linear(name string, cols, rows int) Linear {
	r := l.stacked(name, cols, rows, 0, 1)
	r.Experts = 0
	return r
}

func (l *loader) expert(name string, cols, rows, i int) Linear {
	r := l.stacked(name, cols, rows, i, l.c.Config.Experts.Count)
	r.Routed = true
	return r
}

// stacked binds matrix i of a stack of n, with its bias.
func (l *loader) stacked(name string, cols, rows, i, n int) Linear {
	r := Linear{Name: name, Expert: i, Experts: n, Matrix: l.matrix(name, cols, rows, i, n), ranges: l.ranges(name)}
	l.form(&r)
	if name == "token_embd.weight" {
		return r
	}
	if bias := name[:len(name)-len("weight")] + "bias"; l.has(bias) {
		r.bias = l.row(bias, rows, i, n)
	}
	if scale := name[:len(name)-len("weight")] + "scale"; l.elements(scale) == n {
		if v := l.vector(scale, n); v != nil {
			r.scale = v[i]
		}
		if r.scale == 0 || r.scale != r.scale {
			l.fail(fmt.Errorf("tensor %s: %w: value %d is %v", scale, formats.ErrCorrupt, i, r.scale))
		}
	}
	return r
}

// fused binds matrices that are stored one below another in one tensor.
func (l *loader) fused(name string, cols int, rows ...int) []Linear {
	sum := 0
	for _, n := range rows {
		sum += n
	}
	return l.split(l.linear(name, cols, sum), rows...)
}

// split cuts a matrix into several of so many rows.
func (l *loader) split(whole Linear, rows ...int) []Linear {
	all := make([]Linear, len(rows))
	if l.err != nil {
		return all
	}
	size, at := len(whole.Data)/max(1, whole.Matrix.Rows), 0
	for i, n := range rows {
		all[i] = whole
		all[i].Rows, all[i].later = n, i > 0
		all[i].Data = whole.Data[at*size : (at+n)*size]
		if whole.bias != nil {
			all[i].bias = whole.bias[at : at+n]
		}
		at += n
	}
	return all
}

// form chooses the form of the matrix's input.
func (l *loader) form(r *Linear) {
	if l.err != nil {
		return
	}
	formOf := kernel.FormOf
	if t, ok := l.c.Tensor(r.Name); r.Type == formats.BF16 || ok && t.Source != t.Name { // a reference is not rounded
		formOf = kernel.ExactFormOf
	}
	var err error
	if r.form, err = formOf(r.Type); err != nil {
		l.fail(fmt.Errorf("tensor %s: %w", r.Name, err))
	}
}

// norm binds the norm of that name without suffix, if it exists.
func (l *loader) norm(name string, n int) norm {
	if l.has(name) { // as llama.cpp's converter names one of Falcon-H1
		return norm{gain: l.vector(name, n)}
	}
	return norm{gain: l.optional(name+".weight", n), bias: l.optional(name+".bias", n)}
}

// headNorm binds the norm of queries or keys: one gain for all heads, or gains for the whole row of heads.
func (l *loader) headNorm(name string, heads, dims int) (gain []float32, rows norm) {
	t, ok := l.c.Tensor(name)
	if !ok {
		return nil, norm{}
	}
	l.bound[name] = true
	if t.Cols() == int64(dims) && t.Rows() == 1 && l.c.Config.Norm == arch.RMSNorm {
		return l.vector(name, dims), norm{}
	}
	if t.Elements() != int64(heads*dims) {
		l.fail(fmt.Errorf("tensor %s: %w: shape is %v for %d heads of %d", name, formats.ErrCorrupt, t.Shape, heads, dims))
		return nil, norm{}
	}
	rows = norm{gain: make([]float32, t.Elements()), part: int(t.Cols())}
	if err := t.Floats(rows.gain, 0, t.Rows()); err != nil {
		l.fail(err)
	}
	return nil, rows
}

func (l *loader) vector(name string, n int) []float32 { return l.row(name, n, 0, 1) }

// row reads row i of a tensor of so many rows.
func (l *loader) row(name string, n, i, rows int) []float32 {
	t := l.tensor(name, n, rows)
	if t == nil {
		return nil
	}
	v := make([]float32, n)
	if err := t.Floats(v, int64(i), 1); err != nil {
		l.fail(err)
	}
	return v
}

// values reads all rows of a tensor.
func (l *loader) values(name string, cols, rows int) []float32 {
	t := l.tensor(name, cols, rows)
	if t == nil {
		return nil
	}
	v := make([]float32, rows*cols)
	if err := t.Floats(v, 0, int64(rows)); err != nil {
		l.fail(err)
	}
	return v
}

// table reads a tensor of so many rows of n values.
func (l *loader) table(name string, rows, n int) []float32 {
	t := l.tensor(name, n, rows)
	if t == nil {
		return nil
	}
	v := make([]float32, rows*n)
	if err := t.Floats(v, 0, int64(rows)); err != nil {
		l.fail(err)
	}
	return v
}

func (l *loader) optional(name string, n int) []float32 {
	if !l.has(name) {
		return nil
	}
	return l.vector(name, n)
}
