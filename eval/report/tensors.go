package report

import (
	"cmp"
	"html/template"
	"image/color"
	"math"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"gonum.org/v1/plot"
	"gonum.org/v1/plot/vg"
	"gonum.org/v1/plot/vg/draw"
)

// tensorGrid is a model's tensor errors by layer and role.
type tensorGrid struct {
	rows   []*Row   // artifacts with errors, most bits first
	roles  []string // in the order of their first tensor; those without a layer first
	inner  []string // the roles that layers have
	layers int
	cells  [][]float64 // by row, then tensor
	layer  []int       // of each tensor; -1: none
	role   []string
}

var layerName = regexp.MustCompile(`^blk\.([0-9]{1,3})\.(.+)$`)

// grid arranges the errors; nil when there are none.
func (m *Model) grid() *tensorGrid {
	t := &tensorGrid{}
	for _, row := range m.sorted() {
		if len(row.TensorErrors) == len(m.TensorNames) && slices.ContainsFunc(row.TensorErrors, finite) {
			t.rows = append(t.rows, row)
			t.cells = append(t.cells, row.TensorErrors)
		}
	}
	if len(t.rows) == 0 {
		return nil
	}
	for _, name := range m.TensorNames {
		layer, role := -1, name
		if f := layerName.FindStringSubmatch(name); f != nil {
			layer, _ = strconv.Atoi(f[1])
			role = f[2]
		}
		role = clean(strings.TrimSuffix(role, ".weight"))
		t.layer, t.role = append(t.layer, layer), append(t.role, role)
		t.layers = max(t.layers, layer+1)
		if !slices.Contains(t.roles, role) {
			t.roles = append(t.roles, role)
		}
		if layer >= 0 && !slices.Contains(t.inner, role) {
			t.inner = append(t.inner, role)
		}
	}
	slices.SortFunc(t.inner, byPlace)
	slices.SortFunc(t.roles, byPlace)
	return t
}

// roleOrder is the order of the roles that most models have; others follow by name.
var roleOrder = []string{"token_embd", "attn_q", "attn_k", "attn_v", "attn_qkv", "attn_output",
	"ffn_gate", "ffn_up", "ffn_down", "ffn_gate_exps", "ffn_up_exps", "ffn_down_exps"}

func byPlace(a, b string) int {
	place := func(s string) int {
		if i := slices.Index(roleOrder, s); i >= 0 {
			return i
		}
		if s == "output" {
			return len(roleOrder) + 1
		}
		return len(roleOrder)
	}
	return cmp.Or(cmp.Compare(place(a), place(b)), cmp.Compare(a, b))
}

// mean is the mean error of a row's tensors that want chooses, NaN of none.
func (t *tensorGrid) mean(row int, want func(layer int, role string) bool) float64 {
	sum, n := 0.0, 0
	for i, v := range t.cells[row] {
		if finite(v) && want(t.layer[i], t.role[i]) {
			sum += v
			n++
		}
	}
	if n == 0 {
		return math.NaN()
	}
	return sum / float64(n)
}

// table is the mean error by name, one column per format.
func (t *tensorGrid) table(first string, names []string, want func(i, layer int, role string) bool) table {
	heads := []string{first}
	for _, r := range t.rows {
		heads = append(heads, clean(r.Format))
	}
	out := textTable(heads, 0)
	for i, name := range names {
		row := []string{name}
		for k := range t.rows {
			row = append(row, measure(t.mean(k, func(l int, r string) bool { return want(i, l, r) }), 0, false))
		}
		out.Rows = append(out.Rows, row)
	}
	return out
}

// byRole is the table of the roles, and of all tensors.
func (t *tensorGrid) byRole() table {
	names := append(slices.Clone(t.roles), "all")
	return t.table("Role", names, func(i, _ int, role string) bool { return i == len(t.roles) || role == t.roles[i] })
}

// byLayer is the table of the layers.
func (t *tensorGrid) byLayer() table {
	names := make([]string, t.layers)
	for i := range names {
		names[i] = strconv.Itoa(i)
	}
	return t.table("Layer", names, func(i, layer int, _ string) bool { return layer == i })
}

// heatLevels is the number of shades; the page's style sheet has as many.
const heatLevels = 16

// heat is the marker colour of a shade, from 0.
func heat(level int) color.RGBA { return color.RGBA{6, uint8(level), 0, 255} }

// scale divides errors into shades of equal ratio.
type scale struct{ low, high float64 }

// scale covers all errors of the layers.
func (t *tensorGrid) scale() scale {
	s := scale{math.Inf(1), math.Inf(-1)}
	for _, cells := range t.cells {
		for i, v := range cells {
			if t.layer[i] >= 0 && plausible(v, 1e-9, 1e6) {
				s.low, s.high = min(s.low, v), max(s.high, v)
			}
		}
	}
	return s
}

func (s scale) level(v float64) int {
	if s.high <= s.low {
		return 0
	}
	x := math.Log(v/s.low) / math.Log(s.high/s.low) * heatLevels
	return min(max(int(x), 0), heatLevels-1)
}

// mostMaps is the largest number of heat maps.
const mostMaps = 8

// chosen are the rows whose maps are drawn: all, or some from the most bits to the fewest.
func (t *tensorGrid) chosen() []int {
	n := len(t.rows)
	var out []int
	for i := range min(n, mostMaps) {
		k := i
		if n > mostMaps {
			k = i * (n - 1) / (mostMaps - 1)
		}
		out = append(out, k)
	}
	return out
}

// heatMap draws layers against roles for one row; "" without layers.
func (t *tensorGrid) heatMap(row int, s scale, title string) template.HTML {
	if t.layers == 0 || t.layers > 1000 || !(s.low > 0) || math.IsInf(s.high, -1) {
		return ""
	}
	p := newPlot("", "layer")
	p.X.Min, p.X.Max = -.5, float64(len(t.inner))-.5
	p.Y.Min, p.Y.Max = -.5, float64(t.layers)-.5
	p.Y.Scale = plot.InvertedScale{Normalizer: plot.LinearScale{}}
	p.Y.Tick.Marker = wholeTicks{}
	var ticks plot.ConstantTicks
	for i, r := range t.inner {
		ticks = append(ticks, plot.Tick{Value: float64(i), Label: r})
	}
	p.X.Tick.Marker = ticks
	p.X.Tick.Label.Rotation = math.Pi / 4
	p.X.Tick.Label.XAlign, p.X.Tick.Label.YAlign = draw.XRight, draw.YTop
	p.X.Tick.Length, p.Y.Tick.Length, p.X.Padding = 0, 0, 6
	p.X.LineStyle.Width, p.Y.LineStyle.Width = 0, 0
	p.Add(cells{t, row, s})
	height := vg.Length(min(90+14*t.layers, 340))
	return svg(p, 240, height, title)
}

// cells fills a rectangle per tensor.
type cells struct {
	*tensorGrid
	row int
	scale
}

func (h cells) Plot(c draw.Canvas, p *plot.Plot) {
	trX, trY := p.Transforms(&c)
	for i, v := range h.cells[h.row] {
		if h.layer[i] < 0 || !plausible(v, 1e-9, 1e6) {
			continue
		}
		x, y := float64(slices.Index(h.inner, h.role[i])), float64(h.layer[i])
		gap := .03
		fill(c, heat(h.level(v)), trX(x-.5+gap), trX(x+.5-gap), trY(y-.5+gap), trY(y+.5-gap))
	}
}
