package report

import "fmt"

// taskTable are the answers of source and artifacts, task by task.
func (m *Model) taskTable() table {
	t := textTable([]string{"Task", "Format", "Items", "Right", "95 %", "Lost", "Gained", "Changed", "p"}, 0, 1).
		named("Answers of "+clean(m.Name), "Right: the most likely choice by length (acc_norm), with its Wilson interval. "+
			"Against the source: answers lost and gained, the p-value of such a difference (McNemar, corrected by Holm), and "+
			"all that changed.")
	for k := range m.Source.Tasks {
		rows := append([]*Row{&m.Source}, m.sorted()...)
		for i, row := range rows {
			if k >= len(row.Tasks) {
				continue
			}
			a, format := &row.Tasks[k], clean(row.Format)
			if i == 0 {
				format += " (source)"
			}
			cells := []string{clean(a.Task), format, fmt.Sprint(a.Items), percent(a.Norm.Share),
				fmt.Sprintf("%.1f to %.1f", 100*a.Norm.Low, 100*a.Norm.High), none, none, none, none}
			if f := a.Flips; f != nil {
				cells[5], cells[6] = fmt.Sprint(f.Lost), fmt.Sprint(f.Gained)
				cells[7], cells[8] = fmt.Sprintf("%d (%s)", f.Changed, percent(f.Share)), probability(f.P)
			}
			t.Rows = append(t.Rows, cells)
		}
	}
	return t
}
