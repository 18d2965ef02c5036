package machine

import (
	"bufio"
	"bytes"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"
)

// advise asks for huge pages; a system without them gives others.
func advise(b []byte) { _ = unix.Madvise(b, unix.MADV_HUGEPAGE) }

// available is what the kernel estimates, or what the limits of the process's control groups leave if that is less.
func available() (int64, bool) {
	kib, ok := field("/proc/meminfo", "MemAvailable:")
	if !ok {
		return 0, false
	}
	return min(kib<<10, groupsLeft("/proc/self/cgroup", "/sys/fs/cgroup")), true
}

// control names the files of a version of control groups that tell about memory, and fields of memory.stat.
type control struct{ limit, used, cache, shared string }

var (
	control1 = control{"memory.limit_in_bytes", "memory.usage_in_bytes", "total_cache", "total_shmem"}
	control2 = control{"memory.max", "memory.current", "file", "shmem"}
)

// groupsLeft is the least memory that the groups of the process, and those around them, leave. list has lines
// "0::/path" (version 2) and "n:controllers:/path" (version 1). A container may see its own group at the root, not at
// the path.
func groupsLeft(list, root string) int64 {
	left := int64(math.MaxInt64)
	lines, _ := os.ReadFile(list)
	for line := range strings.Lines(string(lines)) {
		part := strings.SplitN(strings.TrimSuffix(line, "\n"), ":", 3)
		if len(part) < 3 {
			continue
		}
		c, top := control2, root
		if part[1] != "" {
			if !slices.Contains(strings.Split(part[1], ","), "memory") {
				continue
			}
			c, top = control1, filepath.Join(root, "memory")
		}
		for at := filepath.Clean("/" + part[2]); ; at = filepath.Dir(at) {
			if n, ok := c.left(filepath.Join(top, at)); ok {
				left = min(left, n)
			}
			if at == "/" {
				break
			}
		}
	}
	return left
}

// left is the limit of a group less its used memory without the file cache. Shared memory is counted as cache but
// stays.
func (c control) left(dir string) (int64, bool) {
	limit, ok := number(filepath.Join(dir, c.limit))
	used, ok2 := number(filepath.Join(dir, c.used))
	if !ok || !ok2 {
		return 0, false
	}
	stat := filepath.Join(dir, "memory.stat")
	cache, _ := field(stat, c.cache)
	shared, _ := field(stat, c.shared)
	return max(0, limit-max(0, used-max(0, cache-shared))), true
}

// number reads a file that holds one number; "max" is not one.
func number(path string) (int64, bool) {
	b, err := os.ReadFile(path)
	if err != nil {
		return 0, false
	}
	n, err := strconv.ParseInt(strings.TrimSpace(string(b)), 10, 64)
	return n, err == nil
}

// field reads the number that follows a name at the start of a line.
func field(path, name string) (int64, bool) {
	b, err := os.ReadFile(path)
	if err != nil {
		return 0, false
	}
	for s := bufio.NewScanner(bytes.NewReader(b)); s.Scan(); {
		var n int64
		if found, _ := fmt.Sscanf(s.Text(), name+" %d", &n); found == 1 {
			return n, true
		}
	}
	return 0, false
}
