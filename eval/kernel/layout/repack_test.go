package layout

import (
	"fmt"
	"testing"
)

// TestCodeGroups: words are full, and an order puts every code4 of a block into one slot.
func TestCodeGroups(t *testing.T) {
	orders := map[string]struct {
		bits, columns int
		order         Order
	}{"Q4_K": {4, 256, OrderQ4_K}}
	for _, bits := range []int{2, 3, 4, 5, 6, 8} {
		g := CodeGroupOf(bits)
		if g.Words*8 != len(g.Shifts)*bits {
			t.Errorf("%d bits: %d slots in %d words", bits, len(g.Shifts), g.Words)
		}
		for _, columns := range []int{32, 256} {
			if columns/4%len(g.Shifts) == 0 {
				orders[fmt.Sprintf("%d bits, %d columns", bits, columns)] = struct {
					bits, columns int
					order         Order
				}{bits, columns, DefaultOrder(bits, columns)}
			}
		}
	}
	for name, o := range orders {
		slots := len(CodeGroupOf(o.bits).Shifts)
		seen := make([]bool, o.columns/4)
		for i := range seen {
			at := o.order(i/slots, i%slots)
			if at < 0 || at >= len(seen) || seen[at] {
				t.Fatalf("%s: code4 %d comes twice or is not one of %d", name, at, len(seen))
			}
			seen[at] = true
		}
	}
}
