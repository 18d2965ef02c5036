package cli

import (
	"bytes"
	"encoding/json"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"bitmill/cli/pipeline"
	"bitmill/eval/bench"
	"bitmill/eval/kernel"
	"bitmill/formats/checkpoint/checkpointtest"
)

// counters makes a powercap folder of one package that uses 20 W while the test lasts.
func counters(t *testing.T) string {
	t.Helper()
	root := t.TempDir()
	zone := filepath.Join(root, "intel-rapl:0")
	if err := os.Mkdir(zone, 0o755); err != nil {
		t.Fatal(err)
	}
	start := time.Now()
	write := func(name, text string) {
		part := filepath.Join(root, name)
		if os.WriteFile(part, []byte(text), 0o644) == nil {
			os.Rename(part, filepath.Join(zone, name)) // whole at any time
		}
	}
	tick := func() { write("energy_uj", strconv.FormatInt(20*time.Since(start).Microseconds(), 10)) }
	write("name", "package-0\n")
	write("max_energy_range_uj", "262143328850\n")
	tick()
	stop, done := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(done)
		for {
			select {
			case <-stop:
				return
			default:
				tick()
			}
		}
	}()
	t.Cleanup(func() { close(stop); <-done })
	return root
}

func benchOutput(t *testing.T, root string, asJSON bool) []byte {
	t.Helper()
	oldRoot, oldTime := pipeline.Powercap, pipeline.IdleTime
	defer func() { pipeline.Powercap, pipeline.IdleTime = oldRoot, oldTime }()
	pipeline.Powercap, pipeline.IdleTime = root, 20*time.Millisecond
	var out, errs bytes.Buffer
	e := makeEnv(&out, &errs, asJSON, true)
	e.Threads = 1
	path := checkpointtest.Load(t, "llama").FolderWithTokenizer(t)
	if err := runBench(t.Context(), e, []string{path}, bench.Options{Repetitions: 1, Kernel: kernel.Best(),
		Tests: bench.Grid([]int{16}, []int{2}, []int{0})}, "text", true); err != nil {
		t.Fatal(err, errs.String())
	}
	return out.Bytes()
}

func TestBenchEnergy(t *testing.T) {
	var r benchReport
	if err := json.Unmarshal(benchOutput(t, counters(t), true), &r); err != nil {
		t.Fatal(err)
	}
	m := r.Models[0]
	if m.Idle == nil || r.EnergyNote != "" {
		t.Fatalf("no energy: %q", r.EnergyNote)
	}
	if w := m.Idle["package"]; w < 10 || w > 40 {
		t.Errorf("%v W idle, not 20", w)
	}
	for _, test := range m.Tests {
		if n := test.Joules["package"].N; n != pipeline.EnergyRepetitions {
			t.Errorf("%s: %v repetitions", test.Test, n)
		}
	}
	if s := string(benchOutput(t, counters(t), false)); !strings.Contains(s, "J/token (CV ") ||
		!strings.Contains(s, "W, subtracted") {
		t.Error(s)
	}
}

func TestBenchEnergyUnmeasured(t *testing.T) {
	nowhere := filepath.Join(t.TempDir(), "nowhere")
	why := "energy is not measured: " + nowhere + " does not exist"
	if s := string(benchOutput(t, nowhere, false)); !strings.Contains(s, why) {
		t.Error(s)
	}
	var r benchReport
	if err := json.Unmarshal(benchOutput(t, nowhere, true), &r); err != nil || r.Models[0].Idle != nil ||
		!strings.Contains(r.EnergyNote, "does not exist") {
		t.Errorf("%v: %+v", err, r)
	}
}
