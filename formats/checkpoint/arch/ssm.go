package arch

import (
	"fmt"

	"bitmill/formats"
)

// SSM is the state of recurrent layers, as Mamba 2 (arXiv 2405.21060) calls its parts. In a gated delta net (arXiv
// 2412.06464) heads are those of values, groups those of queries and keys, and State is the width of a key.
type SSM struct {
	Inner  int // width of all heads
	State  int // values that a head remembers of each of its own
	Heads  int
	Groups int // heads of a group share B and C
	Conv   int // rows that the convolution sees

	Tiled bool // head h is in group h % Groups, not h / (Heads/Groups)
}

// maxStates bounds the values that a layer remembers of a sequence.
const maxStates = 1 << 28

// HeadDim is the width of a head.
func (s *SSM) HeadDim() int { return s.Inner / s.Heads }

// ConvWidth is the number of columns that the convolution reads: the heads, B and C.
func (s *SSM) ConvWidth() int { return s.Inner + 2*s.Groups*s.State }

func (s *SSM) check(c *Config) error {
	if s == nil {
		if i := c.firstOf(Mamba, AttentionMamba); i >= 0 {
			return fmt.Errorf("%w: layer %d is a state space whose sizes are not given", formats.ErrCorrupt, i)
		}
		return nil
	}
	for _, n := range []int{s.Inner, s.State, s.Heads, s.Groups, s.Conv} {
		if n < 1 || n > maxDim {
			return fmt.Errorf("%w: a state space of %d values in %d heads and %d groups with %d states and %d rows",
				formats.ErrCorrupt, s.Inner, s.Heads, s.Groups, s.State, s.Conv)
		}
	}
	if s.Inner%s.Heads != 0 || s.Heads%s.Groups != 0 || s.State > maxStates/s.Inner || s.Conv > maxStates/s.ConvWidth() {
		return fmt.Errorf("%w: a state space of %d values in %d heads and %d groups with %d states and %d rows",
			formats.ErrCorrupt, s.Inner, s.Heads, s.Groups, s.State, s.Conv)
	}
	return nil
}
