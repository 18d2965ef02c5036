package machine

import (
	"testing"

	"bitmill/formats/cpu"
)

// TestLoops: every loop counts what it does, and reads all that it is given. How fast depends on what else runs.
func TestLoops(t *testing.T) {
	for _, set := range cpu.Available() {
		buffer := make([]byte, 1<<20+77)
		for i := range buffer {
			buffer[i] = byte(i)
		}
		l := loopsOf(set)
		for name, loop := range map[string]func(int) int{"int8": l.int8, "float": l.float, "bf16": l.bf16} {
			if a, b := loop(3), loop(6); a <= 0 || b != 2*a {
				t.Errorf("%s %s: 3 rounds are %d operations, 6 are %d", set, name, a, b)
			}
		}
		before := l.read(buffer)
		buffer[len(buffer)-1]++
		if l.read(buffer) == before {
			t.Errorf("%s: the last byte is not read", set)
		}
		if l.read(nil) != 0 {
			t.Errorf("%s: nothing has a sum", set)
		}
	}
}

// inline is a pool of one worker.
type inline struct{}

func (inline) Workers() int { return 1 }

func (inline) Run(tasks int, f func(worker, task int)) {
	for i := range tasks {
		f(0, i)
	}
}

func TestRates(t *testing.T) {
	for _, set := range cpu.Available() {
		l := loopsOf(set)
		for what, loop := range map[string]func(int) int{"int8": l.int8, "float": l.float, "bf16": l.bf16} {
			if x := rate(inline{}, loop); !(x > 1e6) {
				t.Errorf("%s, %s: %v operations per second", set, what, x)
			}
		}
		if x := ReadSpeed(inline{}, set, 1); !(x > 1e6) {
			t.Errorf("%s: reads %v bytes per second", set, x)
		}
	}
	if PeakRSS() < 1<<20 {
		t.Errorf("%d bytes resident", PeakRSS())
	}
}

func BenchmarkRates(b *testing.B) {
	for _, set := range cpu.Available() {
		b.Run(set, func(b *testing.B) {
			var best Rates
			for b.Loop() {
				r := MeasureRates(inline{}, set)
				best.Int8, best.Float = max(best.Int8, r.Int8), max(best.Float, r.Float)
				best.BF16, best.ReadBytes = max(best.BF16, r.BF16), max(best.ReadBytes, r.ReadBytes)
			}
			b.ReportMetric(best.Int8/1e9, "int8-GOP/s")
			b.ReportMetric(best.Float/1e9, "float-GOP/s")
			b.ReportMetric(best.BF16/1e9, "bf16-GOP/s")
			b.ReportMetric(best.ReadBytes/1e9, "read-GB/s")
		})
	}
}
