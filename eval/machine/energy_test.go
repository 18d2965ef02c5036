package machine

import (
	"context"
	"errors"
	"math"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"
)

// tree makes a powercap folder of zones name -> counter, all with the same range.
type tree struct {
	t    *testing.T
	root string
}

func newTree(t *testing.T) tree { return tree{t, t.TempDir()} }

func (f tree) write(zone, file, text string) {
	f.t.Helper()
	dir := filepath.Join(f.root, zone)
	if err := os.MkdirAll(dir, 0o755); err != nil {
		f.t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, file), []byte(text+"\n"), 0o644); err != nil {
		f.t.Fatal(err)
	}
}

func (f tree) zone(zone, name string, microjoules, limit uint64) {
	f.write(zone, "name", name)
	f.write(zone, "max_energy_range_uj", strconv.FormatUint(limit, 10))
	f.set(zone, microjoules)
}

func (f tree) set(zone string, microjoules uint64) {
	f.write(zone, "energy_uj", strconv.FormatUint(microjoules, 10))
}

// machine has two packages with their parts, one memory, and the zones that would count twice.
func machine(t *testing.T) tree {
	f := newTree(t)
	f.zone("intel-rapl:0", "package-0", 900, 1000)
	f.zone("intel-rapl:0:0", "core", 5, 1000)
	f.zone("intel-rapl:0:1", "dram", 10_000_000, 65_000_000_000)
	f.zone("intel-rapl:1", "package-1", 0, 262_143_328_850)
	f.zone("intel-rapl:2", "psys", 7, 1000)
	f.zone("intel-rapl-mmio:0", "package-0", 900, 1000)
	f.write("intel-rapl", "enabled", "1")
	return f
}

func TestCounters(t *testing.T) {
	f := machine(t)
	m, err := OpenMeter(f.root)
	if err != nil {
		t.Fatal(err)
	}
	defer m.Close()
	expect := func(packages, dram float64) {
		t.Helper()
		s, err := m.Read()
		if err != nil {
			t.Fatal(err)
		}
		if len(s.Joules) != 2 ||
			math.Abs(s.Joules[PackageDomain]-packages) > 1e-9 || math.Abs(s.Joules[DRAMDomain]-dram) > 1e-9 {
			t.Errorf("%v, want %v and %v", s.Joules, packages, dram)
		}
	}
	expect(0, 0)
	f.set("intel-rapl:1", 2_000_000)
	f.set("intel-rapl:0:1", 13_000_000)
	expect(2, 3)
	f.set("intel-rapl:0", 50) // went round: 100 to the end of its range, 50 after
	f.set("intel-rapl:0:0", 999)
	f.set("intel-rapl:2", 999)
	expect(2.000150, 3)
	f.set("intel-rapl:0", 40) // and once more
	expect(2.001140, 3)
}

func TestRepeat(t *testing.T) {
	f := newTree(t)
	f.zone("intel-rapl:0", "package-0", 0, 1<<40)
	m, err := OpenMeter(f.root)
	if err != nil {
		t.Fatal(err)
	}
	defer m.Close()
	at := uint64(0)
	use := []uint64{4, 6}
	runs := 0
	got, err := m.Repeat(context.Background(), 2, IdlePower{PackageDomain: 10}, func() error {
		at += use[runs] * 1_000_000
		runs++
		time.Sleep(20 * time.Millisecond)
		f.set("intel-rapl:0", at)
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	u := got[PackageDomain]
	if u.N != 2 || u.Joules != 5 || math.Abs(u.SD-math.Sqrt2) > 1e-12 || math.Abs(u.CV-math.Sqrt2/5) > 1e-12 {
		t.Errorf("%+v", u)
	}
	if u.Net > 5-0.2 { // 10 W over at least 20 ms
		t.Errorf("net of idle: %v", u.Net)
	}
	fail := func() error { return os.ErrClosed }
	if _, err := m.Repeat(context.Background(), 1, nil, fail); !errors.Is(err, os.ErrClosed) {
		t.Errorf("%v", err)
	}
}

func TestIdle(t *testing.T) {
	f := newTree(t)
	f.zone("amd-rapl:0", "package-0", 0, 1<<40)
	m, err := OpenMeter(f.root)
	if err != nil {
		t.Fatal(err)
	}
	defer m.Close()
	time.AfterFunc(10*time.Millisecond, func() {
		os.WriteFile(filepath.Join(f.root, "amd-rapl:0", "energy_uj"), []byte("3000000"), 0o644)
	})
	idle, err := m.Idle(context.Background(), 100*time.Millisecond)
	if err != nil || idle[PackageDomain] <= 0 || idle[PackageDomain] > 30.1 {
		t.Errorf("%v %v", idle, err)
	}
	stopped, cancel := context.WithCancel(context.Background())
	cancel()
	if _, err := m.Idle(stopped, time.Hour); !errors.Is(err, context.Canceled) {
		t.Errorf("%v", err)
	}
}

// TestUnmeasured: every reason is said.
func TestUnmeasured(t *testing.T) {
	empty, parts, broken, gone := newTree(t), newTree(t), newTree(t), machine(t)
	parts.zone("intel-rapl:0", "psys", 1, 10)
	broken.zone("intel-rapl:0", "package-0", 1, 10)
	broken.write("intel-rapl:0", "energy_uj", "many")
	for what, c := range map[string]struct{ root, want string }{
		"no folder": {filepath.Join(empty.root, "none"), "does not exist"},
		"no zone":   {empty.root, "no RAPL package"},
		"no domain": {parts.root, "no RAPL package"},
		"no number": {broken.root, `"many", not a number`},
	} {
		m, err := OpenMeter(c.root)
		if err == nil || !errors.Is(err, ErrUnmeasured) || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v %v", what, m, err)
		}
	}
	m, err := OpenMeter(gone.root)
	if err != nil {
		t.Fatal(err)
	}
	defer m.Close()
	os.Remove(filepath.Join(gone.root, "intel-rapl:0", "energy_uj"))
	if _, err := m.Read(); !errors.Is(err, ErrUnmeasured) {
		t.Errorf("a counter that went away: %v", err)
	}
}

// TestHere says what this machine offers: a meter that counts, or a reason.
func TestHere(t *testing.T) {
	m, err := OpenMeter("")
	if err != nil {
		if !errors.Is(err, ErrUnmeasured) {
			t.Error(err)
		}
		t.Log(err)
		return
	}
	defer m.Close()
	if _, err := m.Read(); err != nil {
		t.Error(err)
	}
}
