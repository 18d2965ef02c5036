package threshold

import (
	"cmp"
	"fmt"
	"math"
	"slices"
	"sort"

	"bitmill/eval/paired"
)

// rival is one file of a smaller model.
type rival struct {
	model string
	Point
	nll float64
}

// filesOf are the measured files of smaller models.
func filesOf(models []Subject) (files []rival) {
	for _, s := range models {
		for _, p := range measured(s) {
			files = append(files, rival{model: s.Name, Point: p, nll: p.LnPPL})
		}
	}
	return files
}

// frontier keeps the files that no other file of as few bytes beats: ascending bytes, falling NLL.
func frontier(files []rival) []rival {
	slices.SortStableFunc(files, func(a, b rival) int {
		return cmp.Or(cmp.Compare(a.FileBytes, b.FileBytes), cmp.Compare(a.nll, b.nll))
	})
	var front []rival
	for _, f := range files {
		if len(front) == 0 || f.nll < front[len(front)-1].nll {
			front = append(front, f)
		}
	}
	return front
}

// mix is the smaller models' offer at some number of bytes: a share weight of over, the rest of under.
type mix struct {
	under, over rival
	weight      float64
	beyond      bool // more bytes than any rival file that helps: the best of them stands in
}

// mixAt interpolates the frontier at equal bytes, linearly in log bytes: NLL falls about evenly with each doubling.
// Past the last file it stays there, as more bytes cannot buy the smaller model anything. It fails below the first
// file.
func mixAt(front []rival, bytes int64) (mix, bool) {
	i := sort.Search(len(front), func(i int) bool { return front[i].FileBytes > bytes })
	if i == 0 {
		return mix{}, false
	}
	under := front[i-1]
	if i == len(front) {
		return mix{under: under, over: under, beyond: under.FileBytes < bytes}, true
	}
	over := front[i]
	w := math.Log(float64(bytes)/float64(under.FileBytes)) / math.Log(float64(over.FileBytes)/float64(under.FileBytes))
	return mix{under: under, over: over, weight: w}, true
}

func (m mix) blend(under, over float64) float64 {
	return float64((1-m.weight)*under) + float64(m.weight*over)
}

func (m mix) String() string {
	name := func(r rival) string { return r.model + " " + r.Format }
	switch {
	case m.weight == 0:
		return name(m.under)
	case m.under.model == m.over.model:
		return fmt.Sprintf("%s between %s and %s", m.under.model, m.under.Format, m.over.Format)
	default:
		return fmt.Sprintf("between %s and %s", name(m.under), name(m.over))
	}
}

// against is the NLL of p less that of the mix. With windows the bootstrap pairs them. Without, the errors of two
// models are taken as independent, which overstates the error of the difference: the same text was hard for both.
func (m mix) against(p Point, byWindow bool, o Options) paired.Difference {
	if byWindow {
		d := make([]float64, len(p.WindowNLL))
		for i, x := range p.WindowNLL {
			d[i] = x - m.blend(m.under.WindowNLL[i], m.over.WindowNLL[i])
		}
		if t, err := paired.Mean(d, o.Options); err == nil { // windows has checked what could fail
			return t.Difference
		}
	}
	d := p.LnPPL - m.blend(m.under.LnPPL, m.over.LnPPL)
	reach := paired.Quantile(o.Level) * math.Hypot(p.LnPPLSE, m.blend(m.under.LnPPLSE, m.over.LnPPLSE))
	return paired.Difference{Mean: d, Low: d - reach, High: d + reach}
}
