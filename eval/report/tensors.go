package report

import (
	"cmp"
	"fmt"
	"html/template"
	"math"
	"regexp"
	"slices"
	"strconv"
	"strings"
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
	name   []string
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
		t.layer, t.role, t.name = append(t.layer, layer), append(t.role, role), append(t.name, name)
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

// table is the mean error by name, one column per format, or one row where there are more formats than names.
func (t *tensorGrid) table(first string, names []string, want func(i, layer int, role string) bool) table {
	var formats []string
	for _, r := range t.rows {
		formats = append(formats, clean(r.Format))
	}
	mean := func(name, format int) string {
		return measure(t.mean(format, func(l int, r string) bool { return want(name, l, r) }), 0, false)
	}
	if len(formats) > len(names) {
		return crossTable("Format", formats, names, func(i, k int) string { return mean(k, i) })
	}
	return crossTable(first, names, formats, mean)
}

// crossTable has a cell for each pair of names.
func crossTable(first string, rows, columns []string, cell func(row, column int) string) table {
	out := textTable(append([]string{first}, columns...), 0)
	for i, name := range rows {
		row := []string{name}
		for k := range columns {
			row = append(row, cell(i, k))
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
	const left, top, wide = 34, 4, 240
	high := float64(min(14*t.layers, 250))
	d := drawing{width: wide, height: top + high + 78}
	x := func(column float64) float64 { return left + (wide-6-left)*column/float64(len(t.inner)) }
	y := func(layer float64) float64 { return top + high*layer/float64(t.layers) }
	for _, tick := range wholeTicks(0, float64(t.layers-1)) {
		d.text("tick", "end", point{left - 5, y(tick.Value+.5) + 4}, tick.Label)
	}
	for i, r := range t.inner {
		at := point{x(float64(i) + .5), top + high + 12}
		d.add(`<g transform="rotate(-45 %s %s)">`, length(at.x), length(at.y))
		d.text("tick", "end", point{at.x + 2, at.y + 2}, r)
		d.end()
	}
	for i, v := range t.cells[row] {
		if t.layer[i] < 0 || !plausible(v, 1e-9, 1e6) {
			continue
		}
		column, layer := float64(slices.Index(t.inner, t.role[i])), float64(t.layer[i])
		d.group("", fmt.Sprintf("%s: %s", t.name[i], number(v)))
		d.rect(fmt.Sprintf("heat%d", s.level(v)+1),
			box{x(column) + .5, y(layer) + .5, x(column+1) - .5, y(layer+1) - .5})
		d.end()
	}
	return d.html("plot", title)
}
