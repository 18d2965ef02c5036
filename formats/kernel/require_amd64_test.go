//go:build !purego

package kernel

import (
	"os"
	"strings"
	"testing"
)

// TestRequireSet fails when the CPU says it has the instructions of a set and a slower one is chosen: otherwise every
// comparison above would pass by comparing generic with itself. The CPU's word is taken from the operating system,
// not from the package that makes the choice.
func TestRequireSet(t *testing.T) {
	info, err := os.ReadFile("/proc/cpuinfo")
	if err != nil {
		t.Skip("no /proc/cpuinfo to compare with")
	}
	has := func(flags string) bool {
		for _, flag := range strings.Fields(flags) {
			if !strings.Contains(string(info), " "+flag+" ") {
				return false
			}
		}
		return true
	}
	want := "generic"
	if has("avx2 fma f16c") {
		want = "avx2"
		if has("avx512f avx512bw avx512dq avx512vl avx512_vnni") {
			want = "avx512"
		}
	}
	t.Setenv(Env, "")
	if got := Best().Name; got != want {
		t.Errorf("this CPU can run the %s set, but %s was chosen", want, got)
	}
}
