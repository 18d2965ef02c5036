package modelcard

import (
	"strings"
	"testing"

	"bitmill/formats/gguf"
)

// A value that does not fit costs that value, with a warning that names file and key; the others are written.
func TestOneBadSamplingValue(t *testing.T) {
	for _, c := range []struct{ value, says string }{
		{`"limit": [0.0, Infinity]`, ""},
		{`"top_p": null`, ""},
		{`"top_p": NaN`, "generation_config.json: top_p holds NaN where a finite number belongs"},
		{`"top_p": 1e39`, "generation_config.json: top_p holds 1e39, which is too large"},
		{`"top_p": [0.5]`, "generation_config.json: top_p holds a list where a number belongs"},
		{`"top_p": -Infinity, "repetition_penalty": Infinity`, "generation_config.json: top_p holds -Infinity"},
		{`"mirostat": 1.5`, "generation_config.json: mirostat holds 1.5 where a whole number belongs"},
		{`"sequence": 5`, "generation_config.json: sequence holds 5 where a string belongs"},
	} {
		dir := t.TempDir()
		write(t, dir, "generation_config.json", "\xef\xbb\xbf{"+c.value+`, "temperature": "0.5", "top_k": 1, "top_k": 2e1}`)
		info, err := Read(dir, "", Size{})
		if err != nil {
			t.Fatalf("%s: %v", c.value, err)
		}
		if got := strings.Join(info.Warnings, "\n"); !strings.Contains(got, c.says) || (c.says == "") != (got == "") {
			t.Errorf("%s: warnings %q", c.value, info.Warnings)
		}
		m := new(gguf.Metadata)
		info.AddTo(m)
		temperature, _ := m.Get("general.sampling.temp")
		k, _ := m.Get("general.sampling.top_k")
		if temperature != any(float32(.5)) || k != any(int32(20)) || len(info.sampling) != 2 {
			t.Errorf("%s: %v", c.value, info.sampling)
		}
	}
	dir := t.TempDir()
	write(t, dir, "generation_config.json", `{"temperature": `)
	info, err := Read(dir, "", Size{})
	if err != nil || len(info.Warnings) != 1 || !strings.Contains(info.Warnings[0], "the sampling parameters are left out") {
		t.Errorf("a file that is cut short: %v, %q", err, info.Warnings)
	}
}
