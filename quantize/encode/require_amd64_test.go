//go:build !purego

package encode

import (
	"os"
	"strings"
	"testing"

	"bitmill/formats"
	"bitmill/formats/cpu"
)

// TestRequireLanes fails when the CPU says it has AVX2, FMA and F16C and lanes are not chosen: otherwise every
// comparison of lanes with plain Go would pass by comparing nothing. The CPU's word is taken from the operating system,
// not from the package that makes the choice.
func TestRequireLanes(t *testing.T) {
	info, err := os.ReadFile("/proc/cpuinfo")
	if err != nil {
		t.Skip("no /proc/cpuinfo to compare with")
	}
	for _, flag := range []string{" avx2 ", " fma ", " f16c "} {
		if !strings.Contains(string(info), flag) {
			t.Skip("this CPU has no AVX2, FMA or F16C")
		}
	}
	t.Setenv(cpu.Env, "")
	if chosenLanes() == nil || len(runnableLanes()) == 0 {
		t.Fatal("this CPU has AVX2, but no lanes were chosen")
	}
	if !find(formats.Q4_K).onLanes(chosenLanes(), make([]byte, 144), make([]float32, 256), 256, 144, nil) {
		t.Error("Q4_K is not encoded on lanes")
	}
}
