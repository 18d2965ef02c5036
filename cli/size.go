package cli

import (
	"math/big"
	"strings"
)

// units of sizes: decimal, as llama.cpp's programs and disk makers count, and binary, with an i.
var units = []struct {
	name  string
	bytes int64
}{
	{"", 1}, {"B", 1},
	{"K", 1e3}, {"KB", 1e3}, {"M", 1e6}, {"MB", 1e6}, {"G", 1e9}, {"GB", 1e9}, {"T", 1e12}, {"TB", 1e12},
	{"KiB", 1 << 10}, {"MiB", 1 << 20}, {"GiB", 1 << 30}, {"TiB", 1 << 40},
}

// parseSize reads a size in bytes of a flag: 500M, 2G, 1.5GB, 4GiB or a plain number. It must be at least one byte.
func parseSize(flag, s string) (int64, error) {
	number := strings.TrimRight(s, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ")
	unit := s[len(number):]
	number = strings.TrimSpace(number)
	for _, u := range units {
		if !strings.EqualFold(u.name, unit) || number == "" || len(number) > 20 ||
			strings.Trim(number, "0123456789.") != "" {
			continue
		}
		r, ok := new(big.Rat).SetString(number)
		if !ok {
			break
		}
		r.Mul(r, new(big.Rat).SetInt64(u.bytes))
		n := new(big.Int).Quo(r.Num(), r.Denom())
		if !n.IsInt64() || n.Int64() < 1 {
			break
		}
		return n.Int64(), nil
	}
	return 0, usagef("%s %q: give a size such as 500M, 2G (decimal), 4GiB (binary) or a number of bytes", flag, s)
}
