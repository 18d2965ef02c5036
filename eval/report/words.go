package report

import (
	"fmt"
	"math"
	"strconv"
	"strings"

	"bitmill/formats"
	"bitmill/formats/bpw"
)

// none stands for a missing measurement.
const none = "–"

// bpwOf is payload bits over weights with 4 decimals, "" without weights.
func bpwOf(bits, weights int64) string {
	if weights <= 0 || bits <= 0 {
		return ""
	}
	return bpw.Count{Bits: bits, Weights: weights}.String()
}

// short is a BPW with 2 decimals, for sentences.
func short(bits, weights int64) string {
	if weights <= 0 || bits <= 0 {
		return none
	}
	return fmt.Sprintf("%.2f", float64(bits)/float64(weights))
}

// size is a number of bytes in decimal units with three digits: 950 B, 4.60 MB, 12.4 MB, 124 MB.
func size(bytes int64) string {
	if bytes <= 0 {
		return none
	}
	return formats.Size(bytes)
}

// count is a number with three digits and a decimal unit: 11.5 million.
func count(n int64) string {
	return formats.Scaled(float64(n), "", " thousand", " million", " billion", " trillion")
}

// measure prints a value with its standard error, both to the error's leading digit (two when that is 1 or 2, within
// six decimals): 0.0799 ± 0.0005. Without an error it prints three significant digits.
func measure(x, se float64, sign bool) string {
	if !finite(x) {
		return none
	}
	verb := "%.*f"
	if sign {
		verb = "%+.*f"
	}
	if !finite(se) || se <= 0 {
		if x == 0 {
			return "0"
		}
		return fmt.Sprintf(verb, decimals(x, 3), x)
	}
	d := decimals(se, 1)
	if d < 6 && math.Round(se*math.Pow10(d)) <= 2 {
		d++
	}
	return fmt.Sprintf(verb+" ± %.*f", d, x, d, se)
}

// fromTo prints an interval, both ends to two digits of its width.
func fromTo(low, high float64) string {
	if !finite(low) || !finite(high) || !(high > low) {
		return none
	}
	d := decimals(high-low, 2)
	return fmt.Sprintf("%.*f to %.*f", d, low, d, high)
}

// decimals is how many decimals show n significant digits of x.
func decimals(x float64, n int) int {
	return min(max(0, n-1-int(math.Floor(math.Log10(math.Abs(x))))), 9)
}

// perplexity keeps two decimals whatever the error: differences between formats are paired and far smaller than it.
func perplexity(r *Row) string {
	switch {
	case !r.Measured():
		return none
	case r.PPL >= 1e5:
		return fmt.Sprintf("%.3g", r.PPL)
	case finite(r.PPLSE) && r.PPLSE > 0:
		return fmt.Sprintf("%.2f ± %.2f", r.PPL, r.PPLSE)
	default:
		return fmt.Sprintf("%.2f", r.PPL)
	}
}

func percent(share float64) string {
	if !finite(share) {
		return none
	}
	return fmt.Sprintf("%.2f %%", 100*share)
}

// clean replaces control characters, line ends and direction overrides: names come from files that others wrote.
func clean(s string) string { return formats.Clean(s) }

// digits are the hexadecimal digits of a hash, which stands as it is in Markdown and in lists of hashes.
func digits(hash string) string {
	return strings.Map(func(r rune) rune {
		if strings.ContainsRune("0123456789abcdef", r) {
			return r
		}
		return -1
	}, hash)
}

func or(s string) string {
	if s == "" {
		return none
	}
	return s
}

func level(l float64) string { return strconv.FormatFloat(100*l, 'g', 4, 64) + " %" }
