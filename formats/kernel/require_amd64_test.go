//go:build !purego

package kernel

import (
	"os"
	"strings"
	"testing"
)

// TestRequireSet fails when the CPU says it has AVX2, FMA and F16C and the avx2 set is not chosen: otherwise every
// comparison above would pass by comparing generic with itself. The CPU's word is taken from the operating system,
// not from the package that makes the choice.
func TestRequireSet(t *testing.T) {
	info, err := os.ReadFile("/proc/cpuinfo")
	if err != nil {
		t.Skip("no /proc/cpuinfo to compare with")
	}
	has := func(flag string) bool { return strings.Contains(string(info), " "+flag+" ") }
	t.Setenv(Env, "")
	if has("avx2") && has("fma") && has("f16c") && Best().Name != "avx2" {
		t.Errorf("this CPU has AVX2, but the %s set was chosen", Best().Name)
	}
}
