package report

import "slices"

// table is one of the report's tables as text, for all renderings.
type table struct {
	Label, Caption string // of the page
	Heads          []head
	Rows           [][]string
	Source         bool // the first row is the source's
	Chosen         int  // the row of the file to deploy, 0 when there is none
}

// head is the head of a column.
type head struct {
	Text, Title string // short name, and what it means
	Left        bool   // aligned left; numbers stand right
	rank        int    // narrow tables drop the highest first; 0 stays
}

// formatTable is a table of a model's formats. Columns that are empty in every row are left out; if only names are
// left, there are no rows.
func formatTable(m *Model, columns []column) table {
	t := table{Source: true}
	rows := m.sorted()
	t.Chosen = slices.Index(rows, m.decide().Deploy) + 1
	t.Rows = make([][]string, 1+len(rows))
	for _, c := range columns {
		cells := []string{c.cell(&m.Source, true)}
		for _, r := range rows {
			cells = append(cells, c.cell(r, false))
		}
		if c.rank > 0 && !slices.ContainsFunc(cells, func(s string) bool { return s != none && s != "0" }) {
			continue
		}
		t.Heads = append(t.Heads, c.head)
		for i, s := range cells {
			t.Rows[i] = append(t.Rows[i], s)
		}
	}
	if len(t.Heads) < 2 {
		t.Rows = nil
	}
	return t
}

// textTable has heads but no rows yet; the columns named are aligned left.
func textTable(heads []string, left ...int) table {
	var t table
	for i, h := range heads {
		t.Heads = append(t.Heads, head{Text: h, Left: slices.Contains(left, i)})
	}
	return t
}

// named is the table with a label and a caption.
func (t table) named(label, caption string) table {
	t.Label, t.Caption = label, caption
	return t
}

func (t *table) heads() []string {
	out := make([]string, len(t.Heads))
	for i, h := range t.Heads {
		out[i] = h.Text
	}
	return out
}

// drop removes the column of the highest rank; false when only those that stay are left.
func (t *table) drop() bool {
	worst := 0
	for i, h := range t.Heads {
		if h.rank > t.Heads[worst].rank {
			worst = i
		}
	}
	if t.Heads[worst].rank == 0 {
		return false
	}
	t.Heads = slices.Delete(t.Heads, worst, worst+1)
	for i := range t.Rows {
		t.Rows[i] = slices.Delete(t.Rows[i], worst, worst+1)
	}
	return true
}
