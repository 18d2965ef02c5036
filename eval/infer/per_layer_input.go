package infer

import "math"

// layerInputs makes the input that each layer gets of each token besides the residual stream (Gemma 3n and 4), with the
// token's row of a second embedding e, [layers][size], and the first embedding x:
//
//	input = (norm(projection·x / √width) + √size * e) / √2     for each layer, with the same gains
type layerInputs struct {
	table      rowReader // the second embedding, read row by row: it may be the larger part of a model
	projection Linear
	norm       []float32 // gains, of one layer
	width      int       // of all layers
}

// rowReader is a tensor whose rows are decoded when they are needed.
type rowReader interface {
	Floats(dst []float32, first, n int64) error
}

// layerInputs binds the second embedding; nil when the model has none.
func (l *loader) layerInputs() *layerInputs {
	c := &l.c.Config
	size := c.LayerInput.Size
	if size == 0 {
		return nil
	}
	all := c.Layers * size
	return &layerInputs{
		table:      l.tensor("per_layer_token_embd.weight", all, c.Vocab),
		projection: l.linear("per_layer_model_proj.weight", c.Width, all),
		norm:       l.vector("per_layer_proj_norm.weight", size),
		width:      all,
	}
}

func (e *layerInputs) matrices() []*Linear { return []*Linear{&e.projection} }

func (e *layerInputs) mix(p *pass) {
	in, n := p.input(&e.projection), p.rows
	projected := grow(&p.buf.gate, n*e.width)
	p.multiply(in, n, product{dst: projected, w: &e.projection})
	p.inputs = table{grow(&p.buf.inputs, n*e.width), e.width}
	p.prepare(preparation{by: e, rows: p.inputs.values, n: n, width: e.width, with: projected})
}

// makeRow is token t's input of all layers.
func (e *layerInputs) makeRow(p *pass, row []float32, t int) {
	p.fail(e.table.Floats(row, int64(p.tokens[t]), 1))
	projected, size := p.prep.with[t*e.width:][:e.width], len(e.norm)
	p.set.Scale(row, float32(math.Sqrt(float64(size))))
	p.set.Scale(projected, float32(1/math.Sqrt(float64(e.projection.Cols))))
	for at := 0; at < e.width; at += size {
		one := projected[at : at+size]
		p.set.RMSNorm(one, one, e.norm, p.m.Config.NormEps)
	}
	p.set.Add(row, projected)
	p.set.Scale(row, math.Sqrt2/2)
}

// gatedInput adds a layer's own input: up·(gelu(gate·x) * input).
type gatedInput struct {
	gate, up Linear
	layer    int
	scale    []float32 // of x, column by column; nil: ones
}

// gatedInput binds the matrices of layer i; nil when the model has none.
func (l *loader) gatedInput(i int, blk func(string) string) *gatedInput {
	c := &l.c.Config
	if c.LayerInput.Size == 0 {
		return nil
	}
	return &gatedInput{
		gate:  l.linear(blk("inp_gate.weight"), c.Width, c.LayerInput.Size),
		up:    l.linear(blk("proj.weight"), c.LayerInput.Size, c.Width),
		layer: i,
		scale: l.optional(blk("altup_correct_scale.weight"), c.Width),
	}
}

func (g *gatedInput) matrices() []*Linear { return []*Linear{&g.gate, &g.up} }

func (g *gatedInput) mix(p *pass) {
	var in []float32
	if g.scale == nil {
		in = p.input(&g.gate)
	} else {
		p.addResidual()
		in = grow(&p.buf.norm, p.rows*g.gate.Cols)
		p.prepare(preparation{by: (*scaledRows)(g), rows: in, n: p.rows, with: p.buf.x}, &g.gate)
	}
	rows := grow(&p.buf.gate, p.rows*g.gate.Rows)
	p.multiply(in, p.rows, product{dst: rows, w: &g.gate})
	p.prepare(preparation{by: g, rows: rows, n: p.rows}, &g.up)
	p.project(rows, &g.up)
}

// makeRow gates the layer's input of token t.
func (g *gatedInput) makeRow(p *pass, row []float32, t int) {
	p.set.GELUTanhMul(row, p.inputs.row(t)[g.layer*len(row):][:len(row)])
}

type scaledRows gatedInput

// makeRow scales the columns of row t.
func (g *scaledRows) makeRow(p *pass, row []float32, t int) {
	x := p.prep.with[t*len(row):][:len(row)]
	for i, s := range g.scale {
		row[i] = x[i] * s
	}
}
