package kernel

import (
	"testing"
)

// TestPeaks: every loop counts what it does, and reads all that it is given. How fast depends on what else runs.
func TestPeaks(t *testing.T) {
	for _, s := range Available() {
		buffer := make([]byte, 1<<20+77)
		for i := range buffer {
			buffer[i] = byte(i)
		}
		p := s.Peaks(buffer)
		if p.Int8 <= 0 || p.Float <= 0 || p.BF16 <= 0 || p.Read <= 0 {
			t.Errorf("%s: %+v", s.Name, p)
		}
		for name, spin := range map[string]func(int) int{"int8": s.SpinInt8, "float": s.SpinFloat, "bf16": s.SpinBF16} {
			if a, b := spin(3), spin(6); a <= 0 || b != 2*a {
				t.Errorf("%s %s: 3 rounds are %d operations, 6 are %d", s.Name, name, a, b)
			}
		}
		before := s.Read(buffer)
		buffer[len(buffer)-1]++
		if s.Read(buffer) == before {
			t.Errorf("%s: the last byte is not read", s.Name)
		}
		if s.Read(nil) != 0 {
			t.Errorf("%s: nothing has a sum", s.Name)
		}
	}
}

func BenchmarkPeaks(b *testing.B) {
	buffer := make([]byte, 256<<20)
	for i := 0; i < len(buffer); i += 4096 {
		buffer[i] = 1
	}
	for _, s := range Available() {
		b.Run(s.Name, func(b *testing.B) {
			var best Peaks
			for b.Loop() {
				p := s.Peaks(buffer)
				best.Int8, best.Float = max(best.Int8, p.Int8), max(best.Float, p.Float)
				best.BF16, best.Read = max(best.BF16, p.BF16), max(best.Read, p.Read)
			}
			b.ReportMetric(best.Int8/1e9, "int8-GOP/s")
			b.ReportMetric(best.Float/1e9, "float-GOP/s")
			b.ReportMetric(best.BF16/1e9, "bf16-GOP/s")
			b.ReportMetric(best.Read/1e9, "read-GB/s")
		})
	}
}
