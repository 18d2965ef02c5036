package arch

import (
	"fmt"
	"strings"

	"bitmill/formats"
)

// reader reads the architecture's keys and keeps the first error.
type reader struct {
	m      recorded
	tensor func(name string) (Values, bool)
	cfg    Config
	arch   string
	ramp   func(r Rope) []float32 // the factors of YaRN, if the file asks for it
	err    error
}

func (r *reader) fail(err error) {
	if err != nil && r.err == nil {
		r.err = err
	}
}

// int reads ARCH.key. Without the key it is otherwise, or an error when that is negative.
func (r *reader) int(key string, otherwise int) int {
	key = r.arch + "." + key
	v, ok, err := r.m.Uint(key)
	if list, is, _ := r.m.Ints(key); is {
		return r.equal(key, list)
	}
	r.fail(err)
	switch {
	case err == nil && ok && v > maxDim*16:
		r.fail(fmt.Errorf("%w: metadata key %s is %d", formats.ErrCorrupt, key, v))
	case ok && err == nil:
		return int(v)
	case !ok && err == nil && otherwise < 0:
		r.fail(fmt.Errorf("%w: there is no metadata key %s", formats.ErrCorrupt, key))
	}
	return max(otherwise, 0)
}

// equal is the number of which a list has one for each block.
func (r *reader) equal(key string, list []int64) int {
	each := r.eachLayer(strings.TrimPrefix(key, r.arch+"."), list)
	if each == nil {
		return 0
	}
	for i, n := range each {
		if n != each[0] {
			r.fail(fmt.Errorf("%w: metadata key %s differs from layer to layer: it is %d in layer 0 and %d in layer %d",
				formats.ErrUnsupported, key, each[0], n, i))
			break
		}
	}
	return each[0]
}

func (r *reader) float(key string, otherwise float64) float64 {
	v, ok, err := r.m.Float(r.arch + "." + key)
	r.fail(err)
	if !ok || err != nil {
		return otherwise
	}
	return v
}

// need is a float that every file of the architecture has.
func (r *reader) need(key string) float64 {
	if key := r.arch + "." + key; r.err == nil {
		if _, ok := r.m.Get(key); !ok {
			r.fail(fmt.Errorf("%w: there is no metadata key %s", formats.ErrCorrupt, key))
		}
	}
	return r.float(key, 0)
}

func (r *reader) string(key string) string {
	v, _, err := r.m.String(key)
	r.fail(err)
	return v
}

// layers reads one bool per layer; nil without the key.
func (r *reader) layers(key string, n int) []bool {
	x, ok := r.m.Get(key)
	if !ok {
		return nil
	}
	layers, is := x.([]bool)
	if !is || len(layers) != n {
		r.fail(fmt.Errorf("%w: metadata key %s is not one bool per layer", formats.ErrCorrupt, key))
		return nil
	}
	return layers
}
