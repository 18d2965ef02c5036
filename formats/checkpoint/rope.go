package checkpoint

import (
	"cmp"
	"fmt"
	"math"

	"bitmill/formats"
)

// ropeParameters merges the two spellings of config.json: rope_parameters holds what used to be rope_theta, rope_scaling
// and a few keys beside them. In a file with both, rope_scaling counts unless it is empty, as in transformers.
func (h *hfConfig) ropeParameters() ropeParameters {
	p := ropeParameters{}
	switch {
	case h.RopeScaling != nil && *h.RopeScaling != p:
		p = *h.RopeScaling
	case h.RopeParameters != nil:
		p = *h.RopeParameters
	}
	perKind := p.Full
	if perKind != nil {
		p = *perKind
		p.Full = perKind
	}
	theta := 10000.0
	p.Theta = cmp.Or(p.Theta, h.RopeTheta, &theta)
	p.RopeType = cmp.Or(p.RopeType, p.Type, "default")
	p.Partial = cmp.Or(p.Partial, h.PartialRotary)
	p.OriginalMax = cmp.Or(p.OriginalMax, h.OriginalMax)
	return p
}

// rope sets c.Rope. The error says why positions cannot be evaluated.
func (h *hfConfig) rope(c *Config) error {
	p := h.ropeParameters()
	c.Rope.Base, c.Rope.Dims = *p.Theta, c.HeadDim
	if p.Full != nil {
		return fmt.Errorf("%w: RoPE parameters per kind of layer in model_type %s", formats.ErrUnsupported, c.Family)
	}
	if p.Partial != nil && *p.Partial != 1 {
		return fmt.Errorf("%w: partial_rotary_factor %v in model_type %s", formats.ErrUnsupported, *p.Partial, c.Family)
	}
	switch p.RopeType {
	case "default":
	case "linear":
		c.Rope.Scaling, c.Rope.Factor = "linear", or(p.Factor, 1)
	case "llama3":
		if c.Arch != "llama" {
			return fmt.Errorf("%w: llama3 RoPE scaling in model_type %s", formats.ErrUnsupported, c.Family)
		}
		c.Rope.Scaling, c.Rope.Factor = "llama3", or(p.Factor, 8)
		c.Rope.LowFreq, c.Rope.HighFreq = or(p.LowFreq, 1), or(p.HighFreq, 4)
		c.Rope.OriginalContext = int(or(p.OriginalMax, 8192))
		c.Rope.Factors = llama3Factors(c.Rope)
	default:
		return fmt.Errorf("%w: RoPE scaling %q", formats.ErrUnsupported, p.RopeType)
	}
	return nil
}

func or(v *float64, otherwise float64) float64 {
	if v == nil {
		return otherwise
	}
	return *v
}

// llama3Factors gives each pair's frequency divisor under Llama 3.1's scaling. With wavelength w = 2π·base^(2i/dims):
//
//	w < original/high:  1
//	w > original/low:   factor
//	between:            1 / ((1-s)/factor + s),  s = (original/w - low) / (high - low)
//
// The steps are those of llama.cpp's converter: float32, where a number divided by a tensor is torch's reciprocal
// times the number.
func llama3Factors(r Rope) []float32 {
	f := make([]float32, r.Dims/2)
	old := float64(r.OriginalContext)
	low, high := float32(old/r.LowFreq), float32(old/r.HighFreq)
	for i := range f {
		exponent := float32(2*i) / float32(r.Dims)
		freq := 1 / float32(math.Pow(float64(float32(r.Base)), float64(exponent)))
		wave := float32((1 / freq) * float32(2*math.Pi))
		switch {
		case wave < high:
			f[i] = 1
		case wave > low:
			f[i] = float32(r.Factor)
		default:
			s := float32(float32((1/wave)*float32(old))-float32(r.LowFreq)) / float32(r.HighFreq-r.LowFreq)
			f[i] = 1 / (float32((1-s)/float32(r.Factor)) + s)
		}
	}
	return f
}
