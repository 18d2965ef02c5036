package cli

import (
	"errors"
	"testing"
)

func TestParseSize(t *testing.T) {
	for s, want := range map[string]int64{
		"1": 1, "500M": 500e6, "2G": 2e9, "2g": 2e9, "1.5GB": 1.5e9, "4GiB": 4 << 30, "0.5 MiB": 1 << 19, "1.9B": 1,
		"3K": 3000, "3KiB": 3072, "1T": 1e12, "0.000001TB": 1e6, "9223372036854775807": 1<<63 - 1,
		"": 0, "G": 0, "0": 0, "0.4": 0, "-1": 0, "1e9": 0, "1/2G": 0, "1.2.3": 0, "2X": 0, "1 " +
			"000": 0, "9223372036854775808": 0, "99999999T": 0, "0x10": 0,
	} {
		got, err := parseSize("--size", s)
		if got != want || (err == nil) != (want > 0) {
			t.Errorf("%q: %d, %v; want %d", s, got, err, want)
		}
		if err != nil && !errors.As(err, new(usageError)) {
			t.Errorf("%q: %v is no mistake of usage", s, err)
		}
	}
}
