package machine

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"sort"
	"strconv"
	"strings"
	"sync"
	"time"
)

// PowercapRoot is where Linux shows the counters.
const PowercapRoot = "/sys/class/powercap"

// ErrUnmeasured is wrapped by every reason why energy cannot be measured here.
var ErrUnmeasured = errors.New("energy is not measured")

// Domain is a part of the machine that a zone counts for.
type Domain string

// The domains that are counted. Parts of a package (core, uncore) are in its total, and psys overlaps with all.
const (
	PackageDomain Domain = "package"
	DRAMDomain    Domain = "dram"
)

// zone is a counter whose total exceeds its range.
type zone struct {
	domain Domain
	path   string // of energy_uj
	wrap   uint64 // microjoules after which the counter is 0 again
	last   uint64
	total  uint64
}

// Meter adds up the RAPL counters that Linux shows under /sys/class/powercap (Documentation/power/powercap in the
// kernel tree), of all processor packages and memories. It reads them often enough that none wraps around unseen. Where
// there are none, or they may not be read, OpenMeter says why; nothing is ever estimated. Close it.
//
// A zone is a folder with three files: name ("package-0", "dram"), energy_uj, a counter in microjoules, and
// max_energy_range_uj, the value after which the counter starts again at 0.
type Meter struct {
	mu    sync.Mutex
	zones []zone
	err   error // the first failure to read
	stop  chan struct{}
	done  sync.WaitGroup
}

// EnergySample is the total of each domain since the meter was opened, in joules.
type EnergySample struct {
	Time   time.Time
	Joules map[Domain]float64
}

// watch is the longest time between two readings: a range of 65 kJ, the smallest in use, lasts four minutes at 250 W.
const watch = 20 * time.Second

// OpenMeter finds the zones under root, "" for PowercapRoot. Its errors wrap ErrUnmeasured.
func OpenMeter(root string) (*Meter, error) {
	if root == "" {
		root = PowercapRoot
	}
	paths, err := zones(root)
	if err != nil {
		return nil, err
	}
	m := &Meter{stop: make(chan struct{})}
	for _, dir := range paths {
		z, err := openZone(dir)
		if err != nil {
			return nil, err
		}
		if z != nil {
			m.zones = append(m.zones, *z)
		}
	}
	if len(m.zones) == 0 {
		return nil, fmt.Errorf("%w: no RAPL package under %s (most virtual machines have none)", ErrUnmeasured, root)
	}
	m.done.Add(1)
	go m.keep()
	return m, nil
}

// zones lists the folders of zones, "intel-rapl:0" and its parts "intel-rapl:0:0", or "amd-rapl:0".
func zones(root string) ([]string, error) {
	entries, err := os.ReadDir(root)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("%w: %s does not exist (not Linux, or a kernel or virtual machine without powercap)",
			ErrUnmeasured, root)
	}
	if err != nil {
		return nil, fmt.Errorf("%w: %v", ErrUnmeasured, err)
	}
	var out []string
	for _, e := range entries {
		// intel-rapl-mmio shows the same package a second time.
		if strings.HasPrefix(e.Name(), "intel-rapl:") || strings.HasPrefix(e.Name(), "amd-rapl:") {
			out = append(out, filepath.Join(root, e.Name()))
		}
	}
	sort.Strings(out)
	return out, nil
}

// openZone reads a zone for the first time; nil when its domain is not counted.
func openZone(dir string) (*zone, error) {
	name, err := os.ReadFile(filepath.Join(dir, "name"))
	if err != nil {
		return nil, fmt.Errorf("%w: %v", ErrUnmeasured, err)
	}
	z := &zone{path: filepath.Join(dir, "energy_uj")}
	switch label := strings.TrimSpace(string(name)); {
	case strings.HasPrefix(label, "package"):
		z.domain = PackageDomain
	case label == "dram":
		z.domain = DRAMDomain
	default:
		return nil, nil
	}
	if z.wrap, err = counter(filepath.Join(dir, "max_energy_range_uj")); err != nil {
		return nil, err
	}
	if z.last, err = counter(z.path); err != nil {
		return nil, err
	}
	return z, nil
}

// counter reads one number.
func counter(path string) (uint64, error) {
	text, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrPermission) {
		return 0, fmt.Errorf("%w: %s may be read by root only; run as root or give read permission", ErrUnmeasured, path)
	}
	if err != nil {
		return 0, fmt.Errorf("%w: %v", ErrUnmeasured, err)
	}
	n, err := strconv.ParseUint(strings.TrimSpace(string(text)), 10, 64)
	if err != nil {
		return 0, fmt.Errorf("%w: %s holds %q, not a number", ErrUnmeasured, path, strings.TrimSpace(string(text)))
	}
	return n, nil
}

// keep reads the counters until the meter is closed.
func (m *Meter) keep() {
	defer m.done.Done()
	tick := time.NewTicker(watch)
	defer tick.Stop()
	for {
		select {
		case <-m.stop:
			return
		case <-tick.C:
			m.mu.Lock()
			m.update()
			m.mu.Unlock()
		}
	}
}

// update adds what each counter has gained; one that has wrapped around started again at 0.
func (m *Meter) update() {
	for i := range m.zones {
		z := &m.zones[i]
		now, err := counter(z.path)
		if err != nil {
			if m.err == nil {
				m.err = err
			}
			return
		}
		if now >= z.last {
			z.total += now - z.last
		} else {
			z.total += z.wrap - z.last + now
		}
		z.last = now
	}
}

// Read returns the totals so far.
func (m *Meter) Read() (EnergySample, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.update()
	if m.err != nil {
		return EnergySample{}, m.err
	}
	s := EnergySample{Time: time.Now(), Joules: map[Domain]float64{}}
	for _, z := range m.zones {
		s.Joules[z.domain] += float64(z.total) / 1e6
	}
	return s, nil
}

// Close stops reading the counters.
func (m *Meter) Close() {
	close(m.stop)
	m.done.Wait()
}
