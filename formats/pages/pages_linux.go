package pages

import (
	"bufio"
	"bytes"
	"fmt"
	"os"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"
)

// advise asks for huge pages; a system without them gives others.
func advise(b []byte) { _ = unix.Madvise(b, unix.MADV_HUGEPAGE) }

// available is what the kernel estimates, or what the limit of the process's control group (version 2) leaves if that is
// less.
func available() (int64, bool) {
	kib, ok := field("/proc/meminfo", "MemAvailable:")
	if !ok {
		return 0, false
	}
	n := kib << 10
	if left, ok := groupLeft("/sys/fs/cgroup"); ok {
		n = min(n, left)
	}
	return n, true
}

// groupLeft is the limit less what is used and no file cache.
func groupLeft(dir string) (int64, bool) {
	limit, ok := number(dir + "/memory.max")
	used, ok2 := number(dir + "/memory.current")
	if !ok || !ok2 {
		return 0, false
	}
	cache, _ := field(dir+"/memory.stat", "file")
	return max(0, limit-used+cache), true
}

// number reads a file that holds one number; "max" is none.
func number(path string) (int64, bool) {
	b, err := os.ReadFile(path)
	if err != nil {
		return 0, false
	}
	n, err := strconv.ParseInt(strings.TrimSpace(string(b)), 10, 64)
	return n, err == nil
}

// field reads the number behind a name at the beginning of a line.
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
