package report

import (
	"fmt"
	"maps"
	"slices"
)

// seconds lists what each model and format took, by step.
func (r *Report) seconds() []secondsView {
	var out []secondsView
	add := func(name string, s Seconds) {
		v := secondsView{Name: name}
		for _, step := range slices.Sorted(maps.Keys(s)) {
			if finite(s[step]) {
				v.Steps = append(v.Steps, [2]string{clean(step), fmt.Sprintf("%.1f s", s[step])})
			}
		}
		if len(v.Steps) > 0 {
			out = append(out, v)
		}
	}
	for i := range r.Models {
		m := &r.Models[i]
		add(clean(m.Name)+" "+clean(m.Source.Format), m.Source.Seconds)
		for _, row := range m.sorted() {
			add(clean(m.Name)+" "+clean(row.Format), row.Seconds)
		}
	}
	return out
}
