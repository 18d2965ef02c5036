package prequant

import (
	"cmp"
	"encoding/binary"
	"fmt"
	"slices"
	"strings"

	"bitmill/formats/safetensors"
)

// Resolve finds out how the matrices of a checkpoint are stored: by its tensors, then by quantization_config (nil when
// there is none), which says what tensors do not. note is a sentence without a full stop about a quantization_config
// that disagrees with the tensors; empty when it agrees. It fails with formats.ErrUnsupported for matrices that bitmill
// cannot read.
func Resolve(config []byte, list []safetensors.Tensor) (s Scheme, note string, err error) {
	claimed, err := ParseScheme(config)
	label := claimed.Method
	if err != nil {
		label = cmp.Or(label, "something that cannot be read")
	}
	form, shown := detect(list)
	switch {
	case form == plain && err == nil && claimed.Online:
		return claimed, "", nil
	case form == plain && label != "":
		return Scheme{}, fmt.Sprintf("quantization_config says %s, but no tensor is quantized; they are read as they are",
			label), nil
	case form == plain:
		return Scheme{}, "", nil
	case err == nil && form == gptqForm && claimed.Method == "gptq" && otherZeros(claimed, list):
		claimed.V2 = !claimed.V2
		return claimed, fmt.Sprintf("quantization_config says that GPTQ's zero points are stored %s, but then none were "+
			"in the middle of the range; they are read as stored %s", storedAs[!claimed.V2], storedAs[claimed.V2]), nil
	case (err == nil || claimed.Method != "") && slices.Contains(forms[claimed.Method], form),
		form == otherForm && label == "":
		return claimed, "", err
	}
	switch {
	case form != float8Form && shown.Method == "": // the tensors do not say enough
		switch {
		case err != nil:
			return s, "", err
		case label != "":
			return s, "", unsupported(fmt.Sprintf("quantization_config says %s, the tensors are those of %s", label, form))
		case form == gptqForm:
			return s, "", unsupported("the tensors are those of GPTQ, but config.json has no quantization_config that says " +
				"how zero points are stored")
		}
		return s, "", unsupported("the tensors are those of " + string(form))
	case label != "":
		note = fmt.Sprintf("quantization_config says %s, but the tensors are those of %s; they are read as such", label, form)
	}
	return shown, note, nil
}

// form is a way to store matrices that tensors show by themselves.
type form string

const (
	plain      form = ""
	float8Form form = "FP8"
	int8Form   form = "8-bit integers with scales"
	gptqForm   form = "GPTQ"
	awqForm    form = "AWQ"
	gemvForm   form = "AWQ, version gemv"
	packedForm form = "compressed-tensors"
	bitnetForm form = "BitNet"
	mxfp4Form  form = "MXFP4"
	nvfp4Form  form = "NVFP4"
	bnbForm    form = "bitsandbytes"
	mlxForm    form = "MLX"
	otherForm  form = "an unknown method"
)

// forms lists the forms of each method.
var forms = map[string][]form{
	"":                   {float8Form},
	"fp8":                {float8Form},
	"fbgemm_fp8":         {float8Form},
	"modelopt":           {float8Form},
	"compressed-tensors": {float8Form, int8Form, packedForm},
	"gptq":               {gptqForm},
	"awq":                {awqForm},
	"bitnet":             {bitnetForm},
	"mxfp4":              {mxfp4Form},
}

// detect finds the form of the first quantized matrix, with the Scheme that its tensors show.
func detect(list []safetensors.Tensor) (form, Scheme) {
	tensors := make(map[string]*safetensors.Tensor, len(list))
	for i := range list {
		tensors[list[i].Name] = &list[i]
	}
	for i := range list {
		if f, s := detectOne(&list[i], tensors); f != plain {
			return f, s
		}
	}
	return plain, Scheme{}
}

// detectOne is detect for the matrix whose codes are t; plain when t holds no codes.
func detectOne(t *safetensors.Tensor, tensors map[string]*safetensors.Tensor) (form, Scheme) {
	with := func(suffix string) bool { return tensors[t.Name+suffix] != nil }
	switch stem, last := cutLast(t.Name); {
	case last == "qweight":
		return words4(t, tensors[stem+".scales"], tensors[stem+".qzeros"])
	case strings.HasSuffix(t.Name, "_packed"):
		return packed(t, strings.TrimSuffix(t.Name, "_packed"), tensors)
	case strings.HasSuffix(t.Name, "_blocks") && tensors[strings.TrimSuffix(t.Name, "_blocks")+"_scales"] != nil:
		return mxfp4Form, Scheme{Method: "mxfp4"}
	case with(".absmax") || with(".quant_map") || tensors[stem+".SCB"] != nil && t.DType == "I8":
		return bnbForm, Scheme{}
	case t.DType == "U32" && tensors[stem+".scales"] != nil:
		return mlxForm, Scheme{}
	case strings.HasPrefix(t.DType, "F8_") && !strings.Contains(t.Name, "_scale"):
		return float8Form, Scheme{}
	case t.DType == "I8" && last == "weight" && with("_scale"):
		return int8Form, Scheme{}
	case t.DType == "U8" && with("_scale_2"):
		return nvfp4Form, Scheme{}
	case t.DType == "U8" && with("_scale"):
		return bitnetForm, Scheme{}
	case last == "weight" && !slices.Contains(floatTypes, t.DType):
		return otherForm, Scheme{}
	}
	return plain, Scheme{}
}

// words4 tells GPTQ, in which codes of a column share a word, from AWQ, in which those of a row do. Zero points of GPTQ
// in the middle of the range, as usual, say whether one is to be added; with others the Scheme is empty.
func words4(t, scales, zeros *safetensors.Tensor) (form, Scheme) {
	if scales == nil || len(t.Shape) != 2 || len(scales.Shape) != 2 {
		return gptqForm, Scheme{}
	}
	switch in, groups := t.Shape[0], scales.Shape[0]; {
	case groups > 0 && t.Shape[1] > 0 && scales.Shape[1] == 8*t.Shape[1]:
		return awqForm, Scheme{Method: "awq", Bits: 4, Group: groupSize(in, groups)}
	case groups == in && scales.Shape[1] != t.Shape[1]:
		return gemvForm, Scheme{}
	}
	if zeros == nil || len(zeros.Shape) != 2 || len(zeros.Data) == 0 || t.Shape[1] < 1 || scales.Shape[0] < 1 {
		return gptqForm, Scheme{}
	}
	bits := 32 * zeros.Shape[1] / t.Shape[1]
	for _, z := range gptqMiddles {
		if z.bits == bits && !slices.ContainsFunc(zeros.Data, func(b byte) bool { return b != z.code }) {
			group := groupSize(t.Shape[0]*32/bits, scales.Shape[0])
			return gptqForm, Scheme{Method: "gptq", Bits: int(bits), Group: group, V2: z.v2}
		}
	}
	return gptqForm, Scheme{}
}

// storedAs says how the versions of GPTQ store zero points: true is version 2.
var storedAs = map[bool]string{false: "less one (checkpoint_format gptq)", true: "as they are (checkpoint_format gptq_v2)"}

// otherZeros reports whether the zero points of all matrices are in the middle of the range in the other version than
// the claimed one, as some programs write them. A quantization that is not symmetric may have them anywhere.
func otherZeros(claimed Scheme, list []safetensors.Tensor) bool {
	if claimed.Asym {
		return false
	}
	tensors := make(map[string]*safetensors.Tensor, len(list))
	for i := range list {
		tensors[list[i].Name] = &list[i]
	}
	other := false
	for i := range list {
		stem, last := cutLast(list[i].Name)
		if last != "qweight" {
			continue
		}
		_, shown := words4(&list[i], tensors[stem+".scales"], tensors[stem+".qzeros"])
		if shown.Method != "gptq" || shown.Bits != claimed.Bits || shown.V2 == claimed.V2 {
			return false
		}
		other = true
	}
	return other
}

// gptqMiddles are bytes of zero points in the middle of the range.
var gptqMiddles = []struct {
	bits int64
	code byte
	v2   bool
}{{2, 0x55, false}, {2, 0xaa, true}, {4, 0x77, false}, {4, 0x88, true}, {8, 0x7f, false}, {8, 0x80, true}}

// packed reads bits and groups off a matrix of compressed-tensors.
func packed(t *safetensors.Tensor, stem string, tensors map[string]*safetensors.Tensor) (form, Scheme) {
	size, scale := tensors[stem+"_shape"], tensors[stem+"_scale"]
	if !slices.Contains(wordTypes, t.DType) {
		return nvfp4Form, Scheme{}
	}
	if size == nil || scale == nil || len(t.Shape) != 2 || len(scale.Shape) != 2 || len(size.Data) != 16 {
		return otherForm, Scheme{}
	}
	cols := int64(binary.LittleEndian.Uint64(size.Data[8:]))
	for _, bits := range []int64{2, 4, 8} {
		if per := 32 / bits; cols > 0 && (cols-1)/per+1 == t.Shape[1] && scale.Shape[1] > 0 {
			return packedForm, Scheme{Method: "compressed-tensors", Bits: int(bits), Group: groupSize(cols, scale.Shape[1])}
		}
	}
	return otherForm, Scheme{}
}

// groupSize is the size of so many groups of a row of cols values.
func groupSize(cols, groups int64) int64 {
	if groups == 1 {
		return -1
	}
	return (cols + groups - 1) / groups
}

// cutLast cuts off the last part of a dotted name.
func cutLast(name string) (stem, last string) {
	i := strings.LastIndexByte(name, '.')
	return name[:max(i, 0)], name[i+1:]
}

// ActivationScale reports whether a tensor scales activations or the cache, which weights do not need.
func ActivationScale(name string) bool {
	return slices.ContainsFunc(activationSuffixes, func(s string) bool { return strings.HasSuffix(name, s) })
}

// activationSuffixes end the names of scales of activations or of the cache.
var activationSuffixes = []string{".input_scale", "activation_scale", ".k_scale", ".v_scale", ".q_scale", ".kv_scale",
	".output_scale", ".prob_scale", ".prob_output_scale", ".input_global_scale", ".qscale_act", ".input_zero_point",
	".output_zero_point", ".k_zero_point", ".v_zero_point", ".k_cache_scale", ".v_cache_scale", ".kv_cache_scaling_factor"}
