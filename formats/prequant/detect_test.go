package prequant

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"bitmill/formats"
	"bitmill/formats/safetensors"
)

// A configuration that tells the truth is taken at its word; tensors that say enough are read under any other.
func TestResolve(t *testing.T) {
	cases, _ := groups(t)
	for name, g := range cases {
		want, err := ParseScheme(g.Config)
		if err != nil {
			t.Fatal(err)
		}
		if s, note, err := Resolve(g.Config, g.Tensors); s != want || note != "" || err != nil {
			t.Errorf("%s: %+v, %q, %v; want %+v", name, s, note, err, want)
		}
		alone := name == "awq" || strings.HasPrefix(name, "ct") || name == "fp8row" || name == "fp8tensor" || name == "fp8none"
		for _, label := range []string{`{"quant_method": "bitsandbytes", "load_in_4bit": true}`, `{"quant_method": "mxfp4"}`,
			`{"quant_method": "gptq", "bits": 4, "group_size": 128}`, `{}`, ``, `{"bits": 4}`, `["?"]`} {
			if strings.HasPrefix(name, "gptq") && strings.Contains(label, "gptq") {
				continue
			}
			matrix, note, err := resolved(json.RawMessage(label), g.Tensors)
			if told := note != ""; err == nil && told != (len(label) > 2) {
				t.Errorf("%s under %s: %q", name, label, note)
			}
			switch {
			case !alone && name != "fp8block" && !errors.Is(err, formats.ErrUnsupported) && !errors.Is(err, formats.ErrCorrupt):
				t.Errorf("%s under %s: %v", name, label, err)
			case alone && err != nil:
				t.Errorf("%s under %s: %v", name, label, err)
			case alone:
				got := make([]float32, g.Shape[0]*g.Shape[1])
				if matrix.Rows(got, 0, g.Shape[0]); !slices.Equal(got, read(g.Want)) {
					t.Errorf("%s under %s: other values", name, label)
				}
			}
		}
	}
}

// resolved reads the one matrix of a group.
func resolved(config json.RawMessage, tensors []safetensors.Tensor) (Matrix, string, error) {
	s, note, err := Resolve(config, tensors)
	if err != nil {
		return nil, "", err
	}
	list, _, err := Gather(s, tensors)
	if err != nil || len(list) != 1 {
		return nil, "", errors.Join(err, errors.ErrUnsupported)
	}
	return list[0].Matrix, note, nil
}

// Plain tensors are plain whatever the configuration says, and that is told.
func TestLeftOverConfig(t *testing.T) {
	list := []safetensors.Tensor{{Name: "a.weight", DType: "BF16", Shape: []int64{2, 2}, Data: make([]byte, 8)},
		{Name: "a.bias", DType: "F32", Shape: []int64{2}, Data: make([]byte, 8)}}
	for config, says := range map[string]string{
		"": "", "null": "", "{}": "", " { } ": "",
		`{"quant_method": "bitsandbytes", "load_in_8bit": true}`:                              "says bitsandbytes, but no",
		`{"quant_method": "mxfp4", "modules_to_not_convert": ["x"]}`:                          "says mxfp4, but no",
		`{"quant_method": "gptq", "bits": 4}`:                                                 "says gptq, but no",
		`{"quant_method": "gptq", "bits": 5}`:                                                 "says gptq, but no",
		`{"quant_method": "compressed-tensors", "config_groups": {}, "kv_cache_scheme": {}}`:  "says compressed-tensors, but no",
		`{"quant_method": "torchao", "quant_type": {"default": {"_type": "Int4WeightOnly"}}}`: "says torchao, but no",
		`{"group_size": 64, "bits": 4}`:                                                       "says something that cannot be read, but no",
		`"fp8"`:                                                                               "says something that cannot be read, but no",
	} {
		s, note, err := Resolve([]byte(config), list)
		if s != (Scheme{}) || err != nil || !strings.Contains(note, says) || (note == "") != (says == "") {
			t.Errorf("%s: %+v, %q, %v", config, s, note, err)
		}
	}
}

// What tensors show of the method is told when it cannot be read.
func TestUnreadableForms(t *testing.T) {
	x := func(name, dtype string, shape ...int64) safetensors.Tensor {
		return safetensors.Tensor{Name: name, DType: dtype, Shape: shape, Data: make([]byte, 4096)}
	}
	gptq := []safetensors.Tensor{x("a.qweight", "I32", 8, 32), x("a.scales", "F16", 2, 32), x("a.qzeros", "I32", 2, 4)}
	for _, tt := range []struct {
		config  string
		tensors []safetensors.Tensor
		says    string
	}{
		{``, []safetensors.Tensor{x("a.weight", "U8", 8, 1), x("a.weight.absmax", "F32", 2)}, "the tensors are those of bitsandbytes"},
		{`{"quant_method": "bitsandbytes"}`, []safetensors.Tensor{x("a.weight", "I8", 8, 8), x("a.SCB", "F32", 8)}, "bitsandbytes"},
		{`{"bits": 4, "group_size": 64}`, []safetensors.Tensor{x("a.weight", "U32", 8, 8), x("a.scales", "BF16", 8, 1)},
			"without quant_method"},
		{``, []safetensors.Tensor{x("a.weight", "U32", 8, 8), x("a.scales", "BF16", 8, 1)}, "the tensors are those of MLX"},
		{`{"quant_method": "awq", "bits": 4, "version": "gemm"}`, []safetensors.Tensor{x("a.qweight", "I32", 32, 8),
			x("a.scales", "F16", 32, 16)}, "the tensors are those of AWQ, version gemv"},
		{`{"quant_method": "awq", "bits": 4}`, gptq, "says awq, the tensors are those of GPTQ"},
		{``, gptq, "those of GPTQ, but config.json has no quantization_config"},
		{`{"quant_method": "fp8"}`, []safetensors.Tensor{x("a.weight", "U8", 8, 8), x("a.weight_scale", "F8_E4M3", 8, 1),
			x("a.weight_scale_2", "F32", 1)}, "the tensors are those of NVFP4"},
	} {
		if _, _, err := Resolve([]byte(tt.config), tt.tensors); !errors.Is(err, formats.ErrUnsupported) ||
			!strings.Contains(err.Error(), tt.says) {
			t.Errorf("%s: %v; want an error that says %q", tt.config, err, tt.says)
		}
	}
	for code, v2 := range map[byte]bool{0x77: false, 0x88: true} { // the middle says which version it is
		for i := range gptq[2].Data {
			gptq[2].Data[i] = code
		}
		s, note, err := Resolve([]byte(`{"quant_method": "awq", "bits": 4}`), gptq)
		if want := (Scheme{Method: "gptq", Bits: 4, Group: 32, V2: v2}); s != want || err != nil ||
			!strings.Contains(note, "says awq, but the tensors are those of GPTQ") {
			t.Errorf("%+v, %q, %v", s, note, err)
		}
	}
}

// A symmetric quantization whose zero points are in the middle of the range only as the other version stores them was
// written in that version.
func TestZeroPointsOfTheOtherVersion(t *testing.T) {
	cases, _ := groups(t)
	tried := 0
	for name, g := range cases {
		claimed, err := ParseScheme(g.Config)
		if err != nil || claimed.Method != "gptq" || claimed.Bits == 3 {
			continue
		}
		for _, code := range gptqMiddles {
			if code.bits != int64(claimed.Bits) {
				continue
			}
			list := slices.Clone(g.Tensors)
			for i := range list {
				if _, last := cutLast(list[i].Name); last == "qzeros" {
					list[i].Data = bytes.Repeat([]byte{code.code}, len(list[i].Data))
				}
			}
			for label, follows := range map[string]bool{`{"quant_method": "gptq"`: true,
				`{"quant_method": "gptq", "sym": true, "checkpoint_format": "gptq_v2"`: true,
				`{"quant_method": "gptq", "sym": false`:                                false} {
				label += fmt.Sprintf(`, "bits": %d, "group_size": %d}`, claimed.Bits, claimed.Group)
				s, note, err := Resolve([]byte(label), list)
				tried++
				said := strings.Contains(label, "gptq_v2")
				want := follows && code.v2 || !follows && said
				if err != nil || s.V2 != want || (note != "") != (want != said) || note != "" && !strings.Contains(note, "zero points") {
					t.Errorf("%s, zero points %x under %s: %+v, %q, %v", name, code.code, label, s, note, err)
				}
			}
		}
	}
	if tried < 12 {
		t.Errorf("only %d cases", tried)
	}
}

// Columns in an order of their own are not read without it.
func TestMissingOrder(t *testing.T) {
	list := []safetensors.Tensor{{Name: "a.qweight", DType: "I32", Shape: []int64{8, 64}, Data: make([]byte, 4*8*64)},
		{Name: "a.scales", DType: "F16", Shape: []int64{2, 64}, Data: make([]byte, 2*2*64)},
		{Name: "a.qzeros", DType: "I32", Shape: []int64{2, 8}, Data: bytes.Repeat([]byte{0x77}, 4*2*8)}}
	for config, fails := range map[string]bool{`"desc_act": true, "group_size": 32`: true, `"desc_act": false, "group_size": 32`: false} {
		_, _, err := resolved(json.RawMessage(`{"quant_method": "gptq", "bits": 4, `+config+`}`), list)
		if (err != nil) != fails || fails && !strings.Contains(err.Error(), "a.g_idx is missing") {
			t.Errorf("%s: %v", config, err)
		}
	}
}
