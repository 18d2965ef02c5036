package prequant

import (
	"encoding/binary"
	"encoding/json"
	"errors"
	"math"
	"testing"

	"bitmill/formats"
	"bitmill/formats/safetensors"
)

// TestBitNetScales: scales divide the codes or multiply them, as linear_class says.
func TestBitNetScales(t *testing.T) {
	cases, _ := groups(t)
	g := cases["bitnet"]
	scale := read(g.Tensors[1].Data)[0]
	for config, factor := range map[string]float32{
		`{"quant_method": "bitnet", "linear_class": "bitlinear", "modules_to_not_convert": null}`:               1 / scale,
		`{"quant_method": "bitnet", "linear_class": "autobitlinear", "quantization_mode": "offline"}`:           scale,
		`{"quant_method": "bitnet", "linear_class": "autobitlinear", "quantization_mode": "online", "bits": 2}`: scale,
	} {
		g.Config = json.RawMessage(config)
		m, _, err := gather(g)
		if err != nil {
			t.Fatalf("%s: %v", config, err)
		}
		got := make([]float32, 16*6)
		m.Rows(got, 0, 16)
		for i, want := range read(g.Want) {
			sign := float32(0)
			if want != 0 {
				sign = float32(math.Copysign(1, float64(want)))
			}
			if got[i] != sign*factor {
				t.Fatalf("%s: value %d is %g, want %g", config, i, got[i], sign*factor)
			}
		}
	}
	for _, config := range []string{`{"quant_method": "bitnet", "linear_class": "other"}`,
		`{"quant_method": "bitnet", "quantization_mode": "later"}`,
		`{"quant_method": "bitnet", "quantization_mode": "online", "modules_to_not_convert": ["lm_head", "k_proj"]}`} {
		if _, err := ParseScheme([]byte(config)); !errors.Is(err, formats.ErrUnsupported) {
			t.Errorf("%s: %v", config, err)
		}
	}
}

// TestOnlineBitNet: matrices of layers that are stored as they are trained have three values, all else stays.
func TestOnlineBitNet(t *testing.T) {
	values := []float32{0.5, -0.25, 0.125, 2, -0.0625, -1, 0.75, 0.3125} // the mean magnitude is 0.625
	want := []float32{0.625, 0, 0, 0.625, 0, -0.625, 0.625, 0}
	var data []byte
	for _, v := range values {
		data = binary.LittleEndian.AppendUint32(data, math.Float32bits(v))
	}
	config := json.RawMessage(`{"quant_method": "bitnet", "linear_class": "autobitlinear", "quantization_mode": "online"}`)
	var list []safetensors.Tensor
	for _, name := range []string{"model.embed_tokens.weight", "model.layers.0.mlp.up_proj.weight", "lm_head.weight"} {
		list = append(list, safetensors.Tensor{Name: name, DType: "F32", Shape: []int64{2, 4}, Data: data})
	}
	scheme, note, err := Resolve(config, list)
	if err != nil || note != "" {
		t.Fatal(note, err)
	}
	all, kind, err := Gather(scheme, list)
	if err != nil || kind != "" || all[0].Matrix != nil || all[1].Matrix == nil || all[2].Matrix != nil {
		t.Fatal(all, kind, err)
	}
	for r := range int64(2) {
		got := make([]float32, 4)
		all[1].Matrix.Rows(got, r, 1)
		for i, v := range got {
			if v != want[4*r+int64(i)] {
				t.Errorf("row %d is %v, want %v", r, got, want[4*r:4*r+4])
				break
			}
		}
	}
}
