package arch

import (
	"cmp"
	"fmt"
	"math"
	"reflect"

	"bitmill/formats"
)

// ropeParameters merges the two spellings of config.json: rope_parameters replaced rope_theta, rope_scaling and a few
// other keys. In a file with both, rope_scaling counts unless it is empty, as in transformers.
func (h *HFConfig) ropeParameters() ropeParameters {
	p := ropeParameters{}
	switch {
	case h.RopeScaling != nil && !reflect.DeepEqual(*h.RopeScaling, p):
		p = *h.RopeScaling
	case h.RopeParameters != nil:
		p = *h.RopeParameters
	case h.family.Scaling != nil:
		p = *h.family.Scaling
	}
	if full, local := p.Full, p.Sliding; full != nil {
		p = *full
		p.Full, p.Sliding = full, local
	}
	p.Theta = cmp.Or(p.Theta, h.RopeTheta)
	if p.RopeType = cmp.Or(p.RopeType, p.Type); p.RopeType == "mrope" {
		p.RopeType = "default" // with Sections
	}
	p.Partial = cmp.Or(p.Partial, h.PartialRotary)
	p.OriginalMax = cmp.Or(p.OriginalMax, h.OriginalMax)
	return p
}

// rope sets c.Rope. The error says why positions cannot be evaluated.
func (h *HFConfig) rope(f *family, c *Config) (err error) {
	if f.Rope != nil {
		return f.Rope(h, c)
	}
	p := h.ropeParameters()
	if c.Rope, err = p.rope(h, f, c); err != nil {
		return err
	}
	if p.Sections != nil && f.Interleaved {
		return fmt.Errorf("%w: mrope_section in model_type %s", formats.ErrUnsupported, c.Family)
	}
	if p.Full != nil && !f.PerKind {
		return fmt.Errorf("%w: RoPE parameters per kind of layer in model_type %s", formats.ErrUnsupported, c.Family)
	}
	return nil
}

// rope makes the typed rotary embedding.
func (p *ropeParameters) rope(h *HFConfig, f *family, c *Config) (r Rope, err error) {
	r = Rope{Base: or(p.Theta, cmp.Or(f.Theta, 10000)), Dims: c.HeadDim, Interleaved: f.Interleaved}
	switch part := or(p.Partial, cmp.Or(f.Rotary, 1)); {
	case f.Rotary != 0:
		r.Dims = int(part * float64(c.HeadDim))
	case part != 1:
		return r, fmt.Errorf("%w: partial_rotary_factor %v in model_type %s", formats.ErrUnsupported, part, c.Family)
	}
	if r.Dims < 0 || r.Dims > maxDim {
		return r, fmt.Errorf("%w: %d rotary dimensions", formats.ErrCorrupt, r.Dims)
	}
	if err := p.complete(); err != nil {
		return r, err
	}
	switch p.RopeType {
	case "", "default":
	case "linear":
		r.Scaling, r.Factor = "linear", or(p.Factor, 1)
	case "llama3":
		if !f.RopeFreqs {
			return r, fmt.Errorf("%w: llama3 RoPE scaling in model_type %s", formats.ErrUnsupported, c.Family)
		}
		r.Scaling, r.Factor = "llama3", or(p.Factor, 8)
		r.LowFreq, r.HighFreq = or(p.LowFreq, 1), or(p.HighFreq, 4)
		r.OriginalContext = int(or(p.OriginalMax, 8192))
		r.Factors = llama3Factors(r)
	case "yarn":
		r.Scaling, r.Factor = "yarn", or(p.Factor, 1)
		r.OriginalContext = int(or(p.OriginalMax, float64(c.Context)))
		r.Factors = yarnFactors(r, or(p.BetaFast, 32), or(p.BetaSlow, 1), p.Truncate != nil && !*p.Truncate)
		r.Magnitude = p.yarnMagnitude(r.Factor)
	case "dynamic":
		switch {
		case f.Alpha && p.Alpha != nil && *p.Alpha > 0 && r.Dims > 2:
			r.Base = single(r.Base * math.Pow(*p.Alpha, float64(r.Dims)/float64(r.Dims-2)))
		case !f.Dynamic:
			return r, fmt.Errorf("%w: RoPE scaling %q in model_type %s", formats.ErrUnsupported, p.RopeType, c.Family)
		}
	case "longrope", "su":
		if !f.LongRope {
			return r, fmt.Errorf("%w: RoPE scaling %q in model_type %s", formats.ErrUnsupported, p.RopeType, c.Family)
		}
		r.Scaling, r.Factors, r.LongFactors = "longrope", p.ShortFactor, p.LongFactor
		r.OriginalContext = int(or(p.OriginalMax, float64(c.Context)))
		r.Magnitude = single(or(p.AttentionFactor, longMagnitude(c.Context, r.OriginalContext)))
		if len(r.Factors) != r.Dims/2 || len(r.LongFactors) != r.Dims/2 {
			return Rope{Base: r.Base, Dims: r.Dims},
				fmt.Errorf("%w: RoPE scaling with %d short and %d long factors for %d pairs",
					formats.ErrUnsupported, len(r.Factors), len(r.LongFactors), r.Dims/2)
		}
	default:
		return r, fmt.Errorf("%w: RoPE scaling %q", formats.ErrUnsupported, p.RopeType)
	}
	return r, nil
}

// complete fails for a scaling that is only half given, which transformers refuses and other programs overlook.
func (p *ropeParameters) complete() error {
	switch scaled := p.RopeType == "linear" || p.RopeType == "yarn"; {
	case p.RopeType == "" && p.Factor != nil && *p.Factor != 1:
		return fmt.Errorf("%w: rope_scaling with a factor of %v and without rope_type", formats.ErrUnsupported, *p.Factor)
	case scaled && p.Factor == nil:
		return fmt.Errorf("%w: RoPE scaling %q without a factor", formats.ErrUnsupported, p.RopeType)
	}
	return nil
}

// yarnMagnitude is the factor of queries and keys under YaRN (arXiv 2309.00071): 0.1 ln(factor) + 1, unless given.
func (p *ropeParameters) yarnMagnitude(factor float64) float64 {
	scale := func(m float64) float64 { return 1 + 0.1*m*math.Log(max(factor, 1)) }
	switch told := cmp.Or(p.AttentionFactor, p.AttnFactor); {
	case told != nil:
		return single(*told)
	case p.MScale != nil && p.MScaleAllDim != nil && *p.MScale != 0 && *p.MScaleAllDim != 0:
		return scale(*p.MScale) / scale(*p.MScaleAllDim)
	}
	return scale(1)
}

// longMagnitude is longrope's: sqrt(1 + ln(longer)/ln(original)) for a context longer than the original.
func longMagnitude(context, original int) float64 {
	if original < 2 || context <= original {
		return 1
	}
	return math.Sqrt(1 + math.Log(float64(context)/float64(original))/math.Log(float64(original)))
}

// yarnFactors gives each pair's frequency divisor under YaRN: pairs with more than fast rotations over the original
// context keep their frequency, those with fewer than slow are divided by the factor, with a ramp between.
//
//	d(n) = dims ln(original / (2π n)) / (2 ln base)   t = clamp((i - d(fast)) / (d(slow) - d(fast)))
//	1/divisor = t/factor + 1-t
func yarnFactors(r Rope, fast, slow float64, smooth bool) []float32 {
	at := func(turns float64) float64 {
		return float64(r.Dims) * math.Log(float64(r.OriginalContext)/(turns*2*math.Pi)) / (2 * math.Log(r.Base))
	}
	low, high := at(fast), at(slow)
	if !smooth {
		low, high = math.Floor(low), math.Ceil(high)
	}
	low, high = max(low, 0), min(high, float64(r.Dims-1))
	if low == high {
		high += 0.001
	}
	f := make([]float32, r.Dims/2)
	for i := range f {
		t := min(max((float64(i)-low)/(high-low), 0), 1)
		f[i] = float32(1 / (t/r.Factor + 1 - t))
	}
	return f
}

func or[T any](v *T, otherwise T) T {
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
