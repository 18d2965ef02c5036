package machine

import (
	"math"
	"os"
	"path/filepath"
	"testing"
)

// group writes files of a control group.
func group(t *testing.T, dir string, files map[string]string) {
	t.Helper()
	if err := os.MkdirAll(dir, 0o777); err != nil {
		t.Fatal(err)
	}
	for name, text := range files {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
}

func TestGroupLeft(t *testing.T) {
	dir := t.TempDir()
	left := control2.left
	if _, ok := left(dir); ok {
		t.Error("a group without a limit has one")
	}
	group(t, dir, map[string]string{"memory.max": "max\n", "memory.current": "700\n"})
	if _, ok := left(dir); ok {
		t.Error(`"max" is a limit`)
	}
	const stat = "anon 500\nfile 150\nfile_mapped 9\nshmem 20\n"
	group(t, dir, map[string]string{"memory.max": "1000\n", "memory.stat": stat})
	if n, ok := left(dir); !ok || n != 430 {
		t.Errorf("%d bytes are left, %v", n, ok)
	}
	group(t, dir, map[string]string{"memory.current": "7000\n"})
	if n, ok := left(dir); !ok || n != 0 {
		t.Errorf("%d bytes are left above the limit, %v", n, ok)
	}
	group(t, dir, map[string]string{"memory.current": "100\n"}) // the cache was counted later
	if n, ok := left(dir); !ok || n != 1000 {
		t.Errorf("%d bytes are left, the whole limit is free, %v", n, ok)
	}
}

// TestGroupsLeft: the tightest of the process's groups and of those around them counts, of either version.
func TestGroupsLeft(t *testing.T) {
	limited := func(limit string) map[string]string {
		return map[string]string{"memory.max": limit, "memory.current": "100\n"}
	}
	old := func(limit string) map[string]string {
		const stat = "cache 1\ntotal_cache 60\n"
		return map[string]string{"memory.limit_in_bytes": limit, "memory.usage_in_bytes": "100\n", "memory.stat": stat}
	}
	const unlimited = "9223372036854771712\n" // version 1 has no "max"
	type groups map[string]map[string]string  // by their folders
	for _, tt := range []struct {
		name, list string
		groups     groups
		want       int64
	}{
		{"none", "", nil, math.MaxInt64},
		{"odd lines", "0\n0:\n\nx:memory\n", nil, math.MaxInt64},
		{"its own", "0::/a/b\n", groups{"a/b": limited("1000\n"), "a": limited("5000\n")}, 900},
		{"one around it", "0::/a/b\n", groups{"a/b": limited("max\n"), "a": limited("5000\n")}, 4900},
		{"another's", "0::/a\n", groups{"b": limited("1000\n")}, math.MaxInt64},
		{"a container's", "0::/../c\n", groups{"": limited("300\n")}, 200},
		{"version 1", "5:cpu:/a\n4:hugetlb,memory:/a/b\n0::/\n",
			groups{"memory/a/b": old("1000\n"), "memory": old(unlimited)}, 960},
		{"version 1, no limit", "4:memory:/a\n", groups{"memory/a": old(unlimited)}, 9223372036854771712 - 40},
		{"version 1, another controller", "4:cpu:/a\n", groups{"memory/a": old("1000\n")}, math.MaxInt64},
	} {
		t.Run(tt.name, func(t *testing.T) {
			root := t.TempDir()
			list := filepath.Join(root, "list")
			group(t, root, map[string]string{"list": tt.list})
			for dir, files := range tt.groups {
				group(t, filepath.Join(root, dir), files)
			}
			if n := groupsLeft(list, root); n != tt.want {
				t.Errorf("%d bytes are left, not %d", n, tt.want)
			}
		})
	}
}
