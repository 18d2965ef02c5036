package report

import "slices"

// tableView is a table of the page; one without rows is not shown.
type tableView struct {
	Label, Caption string
	Heads          []headView
	Rows           []rowView
}

type headView struct {
	Text, Title string
	Left        bool
}

type rowView struct {
	Cells          []cellView
	Source, Chosen bool
}

type cellView struct {
	Text string
	Left bool
}

// viewTable is a table of formats.
func viewTable(t table) tableView {
	var v tableView
	for _, c := range t.columns {
		v.Heads = append(v.Heads, headView{c.head, c.title, c.left})
	}
	for i, cells := range t.rows {
		row := rowView{Source: i == 0, Chosen: i == t.chosen}
		for k, s := range cells {
			row.Cells = append(row.Cells, cellView{s, t.columns[k].left})
		}
		v.Rows = append(v.Rows, row)
	}
	return v
}

// textTable is a table of texts; the columns named are aligned left.
func textTable(heads []string, rows [][]string, left ...int) tableView {
	var v tableView
	for i, h := range heads {
		v.Heads = append(v.Heads, headView{Text: h, Left: slices.Contains(left, i)})
	}
	for _, cells := range rows {
		var row rowView
		for i, s := range cells {
			row.Cells = append(row.Cells, cellView{s, slices.Contains(left, i)})
		}
		v.Rows = append(v.Rows, row)
	}
	return v
}
