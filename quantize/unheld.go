package quantize

import (
	"fmt"
	"math"
	"regexp"
	"strconv"

	"bitmill/formats"
	"bitmill/formats/block"
	"bitmill/quantize/encode"
)

// unheld is the first block of a tensor that a type cannot hold.
type unheld struct {
	tensor   string
	typ      formats.Type
	row, col int64   // of value
	value    float32 // the block's largest
	weighted bool
	holder   formats.Type // another type that holds the block
	held     bool         // there is one
}

// findUnheld looks for a block that does not stand for its values, among those of a slab in an encoding; nil when all
// do. What goes out of range is a scale, when values exceed half precision or the importance weights are not usable.
func (t *task) findUnheld(e encoding, out []byte, values []float32, magnitude float32, first int64) *unheld {
	bad := encode.OutOfRange(e.typ, out, values, magnitude)
	if bad < 0 {
		return nil
	}
	n := e.typ.BlockLen()
	values = values[bad*n : bad*n+n]
	u := &unheld{tensor: t.tensor.Name, typ: e.typ, weighted: e.weighted}
	at := 0
	for i, v := range values {
		if math.Abs(float64(v)) > math.Abs(float64(values[at])) {
			at = i
		}
	}
	u.value = values[at]
	u.row, u.col = t.position(first, bad*n+at)
	for _, typ := range []formats.Type{formats.Q8_0, formats.BF16, formats.F32} {
		if (typ != formats.Q8_0 || e.typ.Quantized()) && t.holds(typ, values) {
			u.holder, u.held = typ, true
			break
		}
	}
	return u
}

// holds reports whether a type fits the tensor's rows and holds values of one of them.
func (t *task) holds(typ formats.Type, values []float32) bool {
	if _, err := typ.RowBytes(t.cols); err != nil {
		return false
	}
	size, err := typ.RowBytes(int64(len(values)))
	if err != nil {
		return false
	}
	out := make([]byte, size)
	return encode.Encode(typ, out, values, len(values), nil) == nil &&
		encode.OutOfRange(typ, out, values, encode.Magnitude(values)) < 0
}

// blocks is the reason against a format that gives the tensor the type.
func (u *unheld) blocks(format string) *BlockedError {
	return &BlockedError{Format: format, Tensors: []string{u.tensor}, Why: u.why()}
}

// why continues a sentence that begins with the tensor.
func (u *unheld) why() string {
	value := strconv.FormatFloat(float64(u.value), 'g', 6, 32)
	at := fmt.Sprintf("in row %d, column %d", u.row, u.col)
	half := block.FromF16(0x7bff)
	var text string
	switch {
	case u.weighted && math.Abs(float64(u.value)) <= float64(half):
		return fmt.Sprintf("cannot be %s: the scale of the block that holds %s %s is not a finite number, so its "+
			"importance weights are damaged; calibrate again, or leave the imatrix out", u.typ, value, at)
	case u.typ == formats.F16:
		text = fmt.Sprintf("holds %s %s, beyond %v, the largest number of F16", value, at, half)
	case encode.Reach(u.typ) <= half:
		text = fmt.Sprintf("holds %s %s, beyond the %v that %s can hold", value, at,
			math.Nextafter32(encode.Reach(u.typ), 0), u.typ)
	case u.typ == formats.IQ1_M || len(block.Halves(u.typ)) > 0:
		text = fmt.Sprintf("holds %s %s: the scale of its %s block would be beyond %v, the largest number of F16",
			value, at, u.typ, half)
	default:
		text = fmt.Sprintf("holds %s %s, beyond what %s can hold", value, at, u.typ)
	}
	if !u.held {
		return text
	}
	return fmt.Sprintf("%s; %s holds it, as the format or for this tensor alone (--tensor-type '^%s$=%[2]s')", text,
		u.holder, regexp.QuoteMeta(u.tensor))
}
