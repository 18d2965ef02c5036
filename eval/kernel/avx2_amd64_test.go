//go:build !purego

package kernel

import (
	"testing"

	"bitmill/formats/block"
)

// TestAssemblyTables: what assembly reads is what formats/block says.
func TestAssemblyTables(t *testing.T) {
	if nonlinear4 != block.Nonlinear4 || float4 != block.Float4 {
		t.Error("the values of four bits differ")
	}
	for e := range 256 {
		if scalesE8M0[e] != block.FromE8M0Half(uint8(e)) || scalesUE4M3[e] != block.FromUE4M3Half(uint8(e)) {
			t.Errorf("scale %d differs", e)
		}
	}
}
