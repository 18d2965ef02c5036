package formats

import "fmt"

// Size is a number of bytes in words: decimal units with three digits, 950 B, 4.60 MB, 12.4 MB, 124 MB.
func Size(bytes int64) string { return Scaled(float64(bytes), " B", " kB", " MB", " GB", " TB") }

// Scaled prints x >= 0 in the first unit that leaves it below a thousand, with three digits.
func Scaled(x float64, units ...string) string {
	i := 0
	for ; x >= 999.5 && i < len(units)-1; i++ {
		x /= 1000
	}
	switch {
	case i == 0 || x >= 99.95:
		return fmt.Sprintf("%.0f%s", x, units[i])
	case x >= 9.995:
		return fmt.Sprintf("%.1f%s", x, units[i])
	}
	return fmt.Sprintf("%.2f%s", x, units[i])
}
