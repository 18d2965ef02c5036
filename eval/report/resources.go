package report

import (
	"fmt"
	"maps"
	"math"
	"slices"

	"bitmill/eval/threshold"
	"bitmill/formats"
)

// Resources holds the cost of running a file on one machine, as `bitmill run --bench` measures it. Like seconds it
// varies between runs.
type Resources struct {
	Threads  int    `json:"threads"`
	Kernel   string `json:"kernel"`   // the set of kernels: generic, avx2, avx512
	Prompt   Speed  `json:"prompt"`   // one prompt from an empty cache
	Generate Speed  `json:"generate"` // single tokens from an empty cache

	LoadSeconds  float64 `json:"load_seconds"`  // from opening the file until it can run; the file is in the page cache
	WeightBytes  int64   `json:"weight_bytes"`  // read for one token
	KVBytes      int64   `json:"kv_bytes"`      // of the cache that the tests filled
	ScratchBytes int64   `json:"scratch_bytes"` // activations and unpacked weights
	MemoryBytes  int64   `json:"memory_bytes"`  // peak: weights, or the mapped file, with cache and scratch

	Energy     *Energy `json:"energy"`      // null when it was not measured
	EnergyNote string  `json:"energy_note"` // why not; "" when it was
}

// Speed is a test of so many tokens, repeated.
type Speed struct {
	Tokens    int     `json:"tokens"`
	PerSecond float64 `json:"per_second"` // mean over the repetitions
	SD        float64 `json:"sd"`
	N         int     `json:"n"` // repetitions
}

// Energy is read from the processor's counters; the keys are their domains (package, dram).
type Energy struct {
	IdleWatts map[string]float64 `json:"idle_watts"`
	Prompt    map[string]Joules  `json:"prompt"`
	Generate  map[string]Joules  `json:"generate"`
}

// Joules is the energy of a test, idle power over its time subtracted.
type Joules struct {
	PerToken float64 `json:"per_token"`
	CV       float64 `json:"cv"` // of the repetitions: standard deviation over mean, before idle is subtracted
	N        int     `json:"n"`  // repetitions
}

// Claim tests whether one resource of a model grows in proportion to bits per weight, over its artifacts.
type Claim struct {
	Model            string           `json:"model"`
	threshold.Linear                  // Resource and Unit alone where Reason says why nothing was fitted
	Costs            []threshold.Cost `json:"costs"`
	Reason           string           `json:"reason"`

	sd []float64 // of the costs over the repetitions; 0: not known
}

// resources that are tested, in the units that read well, with the standard deviation over the repetitions.
var resources = []struct {
	name, unit string
	of         func(r *Resources) (x, sd float64) // NaN: not measured
}{
	{"time per token of a prompt", "ms", func(r *Resources) (x, sd float64) { return r.Prompt.milliseconds() }},
	{"time per generated token", "ms", func(r *Resources) (x, sd float64) { return r.Generate.milliseconds() }},
	{"peak memory", "MB", func(r *Resources) (x, sd float64) { return float64(r.MemoryBytes) / 1e6, 0 }},
	{"energy per token of a prompt", "mJ", func(r *Resources) (x, sd float64) { return r.millijoules(ofPrompt), 0 }},
	{"energy per generated token", "mJ", func(r *Resources) (x, sd float64) { return r.millijoules(ofGenerated), 0 }},
}

func ofPrompt(e *Energy) map[string]Joules    { return e.Prompt }
func ofGenerated(e *Energy) map[string]Joules { return e.Generate }

// milliseconds is the time of a token.
func (s Speed) milliseconds() (x, sd float64) {
	x = 1000 / s.PerSecond
	return x, x * (s.SD / s.PerSecond)
}

// millijoules is the energy of a token in one of the tests, all kinds together, NaN when it was not measured.
func (r *Resources) millijoules(of func(*Energy) map[string]Joules) float64 {
	if r.Energy == nil {
		return math.NaN()
	}
	sum := 0.0
	for _, kind := range slices.Sorted(maps.Keys(of(r.Energy))) {
		sum += of(r.Energy)[kind].PerToken
	}
	return 1000 * sum
}

// claimLevel is the confidence level of the slopes' intervals.
const claimLevel = 0.95

// Claims tests every resource of the model's artifacts; none when nothing was measured. A resource that no artifact has
// is left out.
func (m *Model) Claims() []Claim {
	var out []Claim
	for _, resource := range resources {
		c := Claim{Model: m.Name, Costs: []threshold.Cost{}}
		for _, row := range m.sorted() {
			bits := row.Point(false).BPW()
			if row.Resources == nil || !(bits > 0) {
				continue
			}
			x, sd := resource.of(row.Resources)
			if !plausible(x, 1e-12, 1e12) {
				continue
			}
			c.Costs = append(c.Costs, threshold.Cost{Format: row.Format, BPW: bits, Value: x})
			c.sd = append(c.sd, sd)
		}
		if len(c.Costs) == 0 {
			continue
		}
		var err error
		if c.Linear, err = threshold.FitLinear(resource.name, resource.unit, c.Costs, claimLevel); err != nil {
			c.Reason = err.Error()
		}
		c.Resource, c.Unit = resource.name, resource.unit
		out = append(out, c)
	}
	return out
}

// machine describes the measurement of speed and memory, "" when there was none.
func (m *Model) machine() string {
	for _, row := range append([]*Row{&m.Source}, m.sorted()...) {
		if r := row.Resources; r != nil {
			s := fmt.Sprintf("%s, kernels %s, prompts of %s, %s generated, %s",
				formats.Several(r.Threads, "thread"), clean(r.Kernel), formats.Several(r.Prompt.Tokens, "token"),
				formats.Several(r.Generate.Tokens, "token"), formats.Several(r.Prompt.N, "repetition"))
			if r.Energy == nil {
				s += "; " + clean(r.EnergyNote)
			}
			return s
		}
	}
	return ""
}

func (s Speed) String() string {
	if !(s.PerSecond > 0) {
		return none
	}
	return measure(s.PerSecond, s.SD, false)
}

func (r *Resources) energy(of func(*Energy) map[string]Joules) string {
	if r.Energy == nil || len(of(r.Energy)) == 0 {
		return none
	}
	worst := 0.0
	for _, j := range of(r.Energy) {
		worst = max(worst, j.CV)
	}
	return fmt.Sprintf("%.4g (%.1f %%)", r.millijoules(of), 100*worst)
}
