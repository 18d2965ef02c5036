package score

import (
	"encoding/json"
	"math"
)

// Series is a sequence of measurements; in JSON, null stands for values that are not finite.
type Series []float64

// MarshalJSON writes null for values that are not finite.
func (s Series) MarshalJSON() ([]byte, error) {
	if s == nil {
		return []byte("null"), nil
	}
	out := make([]*float64, len(s))
	for i, x := range s {
		if !math.IsNaN(x) && !math.IsInf(x, 0) {
			out[i] = &s[i]
		}
	}
	return json.Marshal(out)
}

// UnmarshalJSON reads null elements as NaN.
func (s *Series) UnmarshalJSON(data []byte) error {
	var in []*float64
	if err := json.Unmarshal(data, &in); err != nil {
		return err
	}
	*s = nil
	if in != nil {
		*s = make(Series, len(in))
	}
	for i, x := range in {
		(*s)[i] = math.NaN()
		if x != nil {
			(*s)[i] = *x
		}
	}
	return nil
}
