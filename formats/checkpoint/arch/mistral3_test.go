package arch

import (
	"math"
	"strings"
	"testing"
)

func TestMinistralScaling(t *testing.T) {
	config := `{"model_type": "ministral3", ` + sizes4 + `}`
	h, err := ParseHF([]byte(config))
	if err != nil {
		t.Fatal(err)
	}
	c, evaluation, err := h.Config()
	if err != nil || evaluation != nil || c.Rope.Magnitude != 1 || c.Rope.OriginalContext != 16384 ||
		c.Rope.Base != 1e6 || c.Temperature.Length != 16384 || c.Temperature.Scale != single(0.1) {
		t.Errorf("without rope_parameters: %v %v, %+v %+v", err, evaluation, c.Rope, c.Temperature)
	}
	want := 1 + single(0.1)*math.Log(math.Floor(40000.0/16384)+1)
	if got := c.Temperature.At(40000); math.Abs(float64(got)-want) > 1e-7 || c.Temperature.At(16383) != 1 {
		t.Errorf("temperature %v, want %v", got, want)
	}
	for config, says := range map[string]string{
		`{"model_type": "ministral3", "rope_parameters": {"rope_type": "default"}, ` + sizes4 + `}`:   "without rope_type yarn",
		`{"model_type": "mistral", "rope_parameters": {"llama_4_scaling_beta": 0.1}, ` + sizes4 + `}`: "llama_4_scaling_beta 0.1",
		`{"model_type": "llama", "rope_parameters": {"mrope_section": [4, 2, 2]}, ` + sizes4 + `}`:    "mrope_section",
	} {
		h, err := ParseHF([]byte(config))
		if err != nil {
			t.Fatal(err)
		}
		if _, evaluation, err := h.Config(); err != nil || evaluation == nil || !strings.Contains(evaluation.Error(), says) {
			t.Errorf("%s: %v, %v", config, err, evaluation)
		}
	}
}

// The magnitude that a file's multiplier stands for: (1 + 0.1 ln f) / (1 + 0.1 m ln f).
func TestLogMultiplier(t *testing.T) {
	for m, want := range map[float64]float64{0: 1 + 0.1*math.Log(16), 1: 1, 0.5: (1 + 0.1*math.Log(16)) / (1 + 0.05*math.Log(16))} {
		p := ropeParameters{MScale: of(1), MScaleAllDim: &m}
		if got := p.yarnMagnitude(16); math.Abs(got-want) > 1e-12 {
			t.Errorf("multiplier %v: magnitude %v, want %v", m, got, want)
		}
	}
}
