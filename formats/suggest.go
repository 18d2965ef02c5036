package formats

import "strings"

// Nearest returns the candidate with the smallest edit distance to name (insert, delete, replace), ignoring case and
// separators; of several, the first. For "did you mean" see Suggest.
func Nearest(name string, candidates []string) string {
	best, bestDistance := "", -1
	for _, c := range candidates {
		if d := editDistance(bare(name), bare(c)); bestDistance < 0 || d < bestDistance {
			best, bestDistance = c, d
		}
	}
	return best
}

// bare drops case and separators, which people leave out or mix up.
func bare(s string) string {
	return strings.Map(func(r rune) rune {
		if r == '_' || r == '-' || r == '.' || r == ' ' {
			return -1
		}
		return r
	}, strings.ToUpper(s))
}

// Suggest returns "; did you mean NAME?" if a candidate is a near miss of name, else "". Near are a beginning of three
// letters or more, and a distance of one edit, or of a third of the letters; two letters swapped are one edit.
func Suggest(name string, candidates []string) string {
	given := bare(name)
	best, bestDistance := "", max(1, len(given)/3)+1
	for _, c := range candidates {
		d := editDistance(given, bare(c))
		if swapped(given, bare(c)) || len(given) >= 3 && strings.HasPrefix(bare(c), given) {
			d = min(d, 1)
		}
		if d < bestDistance {
			best, bestDistance = c, d
		}
	}
	if best == "" || given == "" {
		return ""
	}
	return "; did you mean " + best + "?"
}

// swapped reports whether two words differ in the order of two neighbours only.
func swapped(a, b string) bool {
	for i := 0; i+1 < len(a) && len(a) == len(b); i++ {
		if a[i] != b[i] {
			return a[i] == b[i+1] && a[i+1] == b[i] && a[i+2:] == b[i+2:]
		}
	}
	return false
}

// editDistance is the Levenshtein distance, computed row by row.
func editDistance(a, b string) int {
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := range len(a) {
		diagonal := row[0]
		row[0] = i + 1
		for j := range len(b) {
			cost := diagonal
			if a[i] != b[j] {
				cost++
			}
			diagonal = row[j+1]
			row[j+1] = min(cost, row[j]+1, diagonal+1)
		}
	}
	return row[len(b)]
}
