package lora

import (
	"fmt"
	"math"
	"regexp"

	"bitmill/formats"
)

// scale is the factor of the product of a module's matrices: alpha / r, or alpha / sqrt(r) (rank-stabilized LoRA,
// arXiv 2312.03732). The rank is that of its matrices.
func (c *config) scale(module string, rank int64) (float32, error) {
	want, err := match(c.Ranks, module, c.Rank)
	if err != nil {
		return 0, err
	}
	if rank != want {
		return 0, fmt.Errorf("%w: its matrices are of rank %d, adapter_config.json says %d",
			formats.ErrCorrupt, rank, want)
	}
	alpha, err := match(c.Alphas, module, *c.Alpha)
	if c.RankStable {
		return float32(alpha / math.Sqrt(float64(rank))), err
	}
	return float32(alpha / float64(rank)), err
}

// match finds the value for a module: that of the pattern that matches its name or the end of its name, or otherwise.
func match[T comparable](patterns map[string]T, module string, otherwise T) (T, error) {
	found, value := "", otherwise
	for p, v := range patterns {
		re, err := regexp.Compile(`^(.*\.)?(` + p + `)$`)
		if err != nil {
			return value, fmt.Errorf("%w: pattern %q in adapter_config.json", formats.ErrUnsupported, p)
		}
		if !re.MatchString(module) {
			continue
		}
		if found != "" && v != value {
			return value, fmt.Errorf("%w: the patterns %q and %q in adapter_config.json both match it",
				formats.ErrUnsupported, found, p)
		}
		found, value = p, v
	}
	return value, nil
}
