package cpu

import (
	"os"
	"runtime"
	"strings"
	"testing"
)

func TestChoose(t *testing.T) {
	sets := Available()
	if sets[0] != Generic {
		t.Errorf("the slowest set is %s", sets[0])
	}
	for _, name := range sets {
		t.Setenv(Env, name)
		if got := Best(); got != name {
			t.Errorf("%s=%s chose %s", Env, name, got)
		}
	}
	if _, err := Choose("sse9"); err == nil || !strings.Contains(err.Error(), strings.Join(sets, ", ")) {
		t.Errorf("an unknown set: %v", err)
	}
	fastest, err := Choose("")
	if err != nil || fastest != sets[len(sets)-1] {
		t.Errorf("%s %v", fastest, err)
	}
	t.Setenv(Env, "sse9")
	if got := Best(); got != fastest {
		t.Errorf("an unknown name chose %s", got)
	}
}

// TestRequireFastest fails when the processor has the instructions of a set and a slower one is chosen: otherwise every
// comparison with generic code would pass by comparing it with itself. The operating system says what the processor
// has, not the package that makes the choice.
func TestRequireFastest(t *testing.T) {
	if runtime.GOARCH != "amd64" || isPurego {
		if sets := Available(); len(sets) != 1 {
			t.Errorf("a build without assembly can run %v", sets)
		}
		return
	}
	info, err := os.ReadFile("/proc/cpuinfo")
	if err != nil {
		t.Skip("no /proc/cpuinfo to compare with; TestChoose stands in")
	}
	has := func(flags string) bool {
		for _, flag := range strings.Fields(flags) {
			if !strings.Contains(string(info), " "+flag+" ") {
				return false
			}
		}
		return true
	}
	want := Generic
	if has("avx2 fma f16c") {
		want = AVX2
		if has("avx512f avx512bw avx512dq avx512vl avx512_vnni") {
			want = AVX512
		}
	}
	t.Setenv(Env, "")
	if got := Best(); got != want {
		t.Errorf("this CPU can run the %s set, but %s was chosen", want, got)
	}
}
