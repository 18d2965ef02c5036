package formats

import (
	"strconv"
	"strings"
)

// LayerOf is the number of the layer in a tensor's name ("blk.7.attn_q.weight" is of 7); -1 outside layers.
func LayerOf(name string) int {
	rest, ok := strings.CutPrefix(name, "blk.")
	digits, _, more := strings.Cut(rest, ".")
	n, err := strconv.Atoi(digits)
	if !ok || !more || err != nil || n < 0 {
		return -1
	}
	return n
}
