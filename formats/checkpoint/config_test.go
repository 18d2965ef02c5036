package checkpoint

import (
	"errors"
	"math"
	"reflect"
	"slices"
	"strings"
	"testing"

	"bitmill/formats"
	"bitmill/formats/checkpoint/arch"
	"bitmill/formats/checkpoint/checkpointtest"
)

func TestConfigOfCases(t *testing.T) {
	for name, want := range map[string]arch.Config{
		"llama": {Arch: "llama", Family: "llama", Name: "Llama", Layers: 2, Width: 256, FFN: 512, Heads: 4, KVHeads: 2, HeadDim: 64, Vocab: 1024,
			Context: 512, NormEps: 1e-6, Rope: arch.Rope{Base: 10000, Dims: 64, Interleaved: true}},
		"llama-narrow": {Arch: "llama", Family: "llama", Name: "Llama Narrow", Layers: 2, Width: 288, FFN: 480, Heads: 6, KVHeads: 3, HeadDim: 48, Vocab: 1024,
			Context: 512, NormEps: 1e-6, Rope: arch.Rope{Base: 10000, Dims: 48, Interleaved: true}},
		"mistral": {Arch: "llama", Family: "mistral", Name: "Mistral", Layers: 2, Width: 256, FFN: 512, Heads: 4, KVHeads: 2, HeadDim: 64, Vocab: 1024,
			Context: 512, NormEps: 1e-6, Rope: arch.Rope{Base: 10000, Dims: 64, Interleaved: true}, Window: 16},
		"qwen2": {Arch: "qwen2", Family: "qwen2", Name: "Qwen2", Layers: 2, Width: 256, FFN: 512, Heads: 4, KVHeads: 2, HeadDim: 64, Vocab: 1024,
			Context: 512, NormEps: 1e-6, Rope: arch.Rope{Base: 10000, Dims: 64}, Tied: true},
		"qwen3": {Arch: "qwen3", Family: "qwen3", Name: "Qwen3", Layers: 2, Width: 256, FFN: 512, Heads: 4, KVHeads: 2, HeadDim: 128, Vocab: 1024,
			Context: 512, NormEps: 1e-6, Rope: arch.Rope{Base: 10000, Dims: 128}},
	} {
		c := open(t, checkpointtest.Load(t, name).Folder(t))
		if c.ConfigErr != nil || !reflect.DeepEqual(c.Config, want) {
			t.Errorf("%s: %v\n     %+v\nwant %+v", name, c.ConfigErr, c.Config, want)
		}
	}
}

// Older files spell things otherwise and leave more out.
func TestOldSpelling(t *testing.T) {
	c := plan(t, `{"model_type": "llama", "hidden_size": 64, "intermediate_size": 128, "num_hidden_layers": 1, "num_attention_heads": 4,
		"vocab_size": 32, "rope_theta": 1e6, "rope_scaling": {"type": "linear", "factor": 4.0}, "head_dim": null, "sliding_window": null}`)
	want := arch.Config{Arch: "llama", Family: "llama", Name: c.Config.Name, Layers: 1, Width: 64, FFN: 128, Heads: 4, KVHeads: 4, HeadDim: 16, Vocab: 32,
		Context: 2048, NormEps: 1e-6, Rope: arch.Rope{Base: 1e6, Dims: 16, Interleaved: true, Scaling: "linear", Factor: 4}}
	if c.ConfigErr != nil || !reflect.DeepEqual(c.Config, want) {
		t.Errorf("%v\n     %+v\nwant %+v", c.ConfigErr, c.Config, want)
	}
	if s, _, _ := c.Metadata.String("llama.rope.scaling.type"); s != "linear" {
		t.Errorf("llama.rope.scaling.type is %q", s)
	}
}

// What config.json leaves out has transformers' defaults, which may differ from what null means.
func TestDefaults(t *testing.T) {
	for name, tt := range map[string]struct {
		config      string
		kvHeads     int
		base        float64
		scaling     string
		factor      float64
		headDim     int
		windowWidth int
	}{
		"llama":            {`"model_type": "llama"`, 64, 10000, "", 0, 2, 0},
		"mistral":          {`"model_type": "mistral"`, 8, 10000, "", 0, 2, 4096},
		"mistral, null":    {`"model_type": "mistral", "num_key_value_heads": null, "sliding_window": null`, 64, 10000, "", 0, 2, 0},
		"qwen2":            {`"model_type": "qwen2"`, 32, 10000, "", 0, 2, 0},
		"qwen3":            {`"model_type": "qwen3"`, 32, 10000, "", 0, 128, 0},
		"mistral again":    {`"model_type": "mistral"`, 8, 10000, "", 0, 2, 4096}, // null above must not last
		"new without base": {`"model_type": "llama", "rope_theta": 500, "rope_parameters": {"rope_type": "linear", "factor": 3}`, 64, 500, "linear", 3, 2, 0},
		"both":             {`"model_type": "llama", "rope_theta": 500, "rope_scaling": {"type": "linear", "factor": 3}, "rope_parameters": {"rope_type": "default", "rope_theta": 7}`, 64, 500, "linear", 3, 2, 0},
		"both, one empty":  {`"model_type": "llama", "rope_theta": 500, "rope_scaling": {}, "rope_parameters": {"rope_type": "default", "rope_theta": 7}`, 64, 7, "", 0, 2, 0},
	} {
		c := plan(t, `{`+tt.config+`, "hidden_size": 128, "intermediate_size": 128, "num_hidden_layers": 1, "num_attention_heads": 64, "vocab_size": 32}`).Config
		if c.KVHeads != tt.kvHeads || c.Rope.Base != tt.base || c.Rope.Scaling != tt.scaling || c.Rope.Factor != tt.factor || c.HeadDim != tt.headDim || c.Window != tt.windowWidth {
			t.Errorf("%s: %+v", name, c)
		}
	}
}

func TestLlama3Factors(t *testing.T) {
	c := plan(t, llama31)
	r := c.Config.Rope
	if r.Scaling != "llama3" || r.OriginalContext != 8192 || len(r.Factors) != 64 || !r.Interleaved {
		t.Fatalf("%+v", r)
	}
	// transformers' rule, in float64.
	for i, got := range r.Factors {
		freq := math.Pow(500000, -2*float64(i)/128)
		wave, want := 2*math.Pi/freq, 0.0
		switch s := (8192/wave - 1) / (4 - 1); {
		case wave < 8192./4:
			want = 1
		case wave > 8192./1:
			want = 8
		default:
			want = 1 / ((1-s)/8 + s)
		}
		if math.Abs(float64(got)-want) > 1e-5*want {
			t.Errorf("factor %d is %v, want %v", i, got, want)
		}
	}
	if r.Factors[0] != 1 || r.Factors[63] != 8 {
		t.Errorf("factors run from %v to %v", r.Factors[0], r.Factors[63])
	}
}

func TestWindows(t *testing.T) {
	small := strings.NewReplacer("28,", "4,", "152064", "32", "3584", "64", "18944", "32").Replace(qwen25)
	small = strings.Replace(small, `"max_window_layers": 4`, `"max_window_layers": 3`, 1)
	used := strings.Replace(small, `"use_sliding_window": false`, `"use_sliding_window": true`, 1)
	for name, tt := range map[string]struct {
		config string
		window int
		layers []bool
	}{
		"not used":    {small, 0, nil},
		"from layer":  {used, 131072, []bool{false, false, false, true}},
		"layer types": {strings.Replace(used, "{", `{"layer_types": ["sliding_attention", "full_attention", "full_attention", "sliding_attention"], `, 1), 131072, []bool{true, false, false, true}},
		"none left":   {strings.Replace(used, `"max_window_layers": 3`, `"max_window_layers": 9`, 1), 0, nil},
		"mistral":     {strings.Replace(small, "qwen2", "mistral", 1), 131072, nil},
		"null":        {strings.Replace(strings.Replace(small, "qwen2", "mistral", 1), "131072, \"tie", "null, \"tie", 1), 0, nil},
		"no key":      {strings.Replace(used, `"sliding_window": 131072, "tie`, `"tie`, 1), 4096, []bool{false, false, false, true}},
		"used null":   {strings.Replace(used, `"sliding_window": 131072, "tie`, `"sliding_window": null, "tie`, 1), 0, nil},
		"default":     {strings.Replace(strings.Replace(small, "qwen2", "mistral", 1), `"sliding_window": 131072, "tie`, `"tie`, 1), 4096, nil},
	} {
		c := plan(t, tt.config)
		if c.Config.Window != tt.window || !reflect.DeepEqual(c.Config.WindowLayers, tt.layers) {
			t.Errorf("%s: window %d in %v, want %d in %v", name, c.Config.Window, c.Config.WindowLayers, tt.window, tt.layers)
		}
	}
}

func TestBadConfigs(t *testing.T) {
	for name, tt := range map[string]struct {
		config string
		is     error
		says   string
	}{
		"unknown family": {`{"model_type": "llama7"}`, formats.ErrUnsupported, "model_type \"llama7\"; bitmill knows\n  "},
		"no family":      {`{}`, formats.ErrCorrupt, "model_type"},
		"not JSON":       {`{`, formats.ErrCorrupt, "JSON"},
		"wrong type":     {`{"model_type": "llama", "hidden_size": "big"}`, formats.ErrCorrupt, "hidden_size"},
		"missing key":    {strings.Replace(llama31, `"hidden_size": 4096,`, "", 1), formats.ErrCorrupt, "hidden_size"},
		"quantized":      {strings.Replace(llama31, "{", `{"quantization_config": {"quant_method": "gptq", "bits": 4}, `, 1), formats.ErrUnsupported, "gptq"},
		"no layers":      {strings.Replace(llama31, `"num_hidden_layers": 32`, `"num_hidden_layers": 0`, 1), formats.ErrCorrupt, "layers"},
		"many layers":    {strings.Replace(llama31, `"num_hidden_layers": 32`, `"num_hidden_layers": 1000000000`, 1), formats.ErrCorrupt, "layers"},
		"uneven heads":   {strings.Replace(llama31, `"num_key_value_heads": 8`, `"num_key_value_heads": 5`, 1), formats.ErrCorrupt, "key-value heads"},
		"zero heads":     {strings.Replace(llama31, `"num_attention_heads": 32`, `"num_attention_heads": 0`, 1), formats.ErrCorrupt, "heads"},
		"odd head":       {strings.Replace(llama31, "{", `{"head_dim": 7, `, 1), formats.ErrCorrupt, "rotary"},
		"uneven width":   {strings.Replace(llama31, `"hidden_size": 4096`, `"hidden_size": 4097`, 1), formats.ErrCorrupt, "head_dim"},
	} {
		_, err := tryPlan(t, tt.config)
		if !errors.Is(err, tt.is) || !strings.Contains(err.Error(), tt.says) || !strings.Contains(err.Error(), "config.json") {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// Values are read as Python reads them. One that says nothing about the arithmetic costs a warning only.
func TestLooseConfigs(t *testing.T) {
	want := plan(t, llama31)
	for change, warning := range map[[2]string]string{
		{"{", "\xef\xbb\xbf{"}: "",
		{"{", `{"time_step_limit": [0.0, Infinity], "other": {"a": [NaN, -Infinity, 1e999]},`}: "",
		{`"hidden_size": 4096`, `"hidden_size": 7, "hidden_size": 4096.0`}:                     "",
		{`"num_hidden_layers": 32`, `"num_hidden_layers": "32"`}:                               "",
		{`"rms_norm_eps": 1e-05`, `"rms_norm_eps": "1e-05"`}:                                   "",
		{"{", `{"_name_or_path": 5,`}:                                                          "config.json: _name_or_path holds 5 where a string belongs",
		{`["LlamaForCausalLM"]`, `"LlamaForCausalLM"`}:                                         "config.json: architectures holds a string where a list belongs",
		{"{", `{"dtype": {"default": "bfloat16"},`}:                                            "config.json: dtype holds an object where a string belongs",
	} {
		if !strings.Contains(llama31, change[0]) {
			t.Fatalf("%q is not in the config", change[0])
		}
		c := plan(t, strings.Replace(llama31, change[0], change[1], 1))
		if c.Config.Name = want.Config.Name; !reflect.DeepEqual(c.Config, want.Config) {
			t.Errorf("%q: %+v, want %+v", change[1], c.Config, want.Config)
		}
		rest := slices.DeleteFunc(c.Warnings, func(w string) bool { return slices.Contains(want.Warnings, w) })
		if got := strings.Join(rest, "\n"); !strings.HasPrefix(got, warning) || (warning == "") != (got == "") {
			t.Errorf("%q: warnings %q", change[1], c.Warnings)
		}
	}
	// Of a key that the family does not have, nothing is needed.
	for _, bad := range []string{`"sliding_window": Infinity`, `"routed_scaling_factor": NaN`, `"num_experts": "none"`,
		`"max_window_layers": "x"`, `"use_sliding_window": "no"`, `"scoring_func": 5`, `"layer_norm_eps": NaN`} {
		c := plan(t, strings.Replace(llama31, "{", "{"+bad+",", 1))
		key, _, _ := strings.Cut(bad, ":")
		if c.Config.Name = want.Config.Name; !reflect.DeepEqual(c.Config, want.Config) ||
			!strings.Contains(strings.Join(c.Warnings, "\n"), "config.json: "+strings.Trim(key, `"`)+" holds") {
			t.Errorf("%s: warnings %q, %+v", bad, c.Warnings, c.Config)
		}
	}
	for bad, says := range map[string]string{
		`"rope_theta": Infinity,`:         "rope_theta holds Infinity where a finite number belongs",
		`"rms_norm_eps": NaN,`:            "rms_norm_eps holds NaN where a finite number belongs",
		`"num_attention_heads": 32.5,`:    "num_attention_heads holds 32.5 where a whole number belongs",
		`"max_position_embeddings": "x",`: "max_position_embeddings holds a string where a whole number belongs",
		`"head_dim": NaN,`:                "head_dim holds NaN where a whole number belongs",
		`"hidden_act": 5,`:                "hidden_act holds 5 where a string belongs",
		`"num_key_value_heads": [],`:      "num_key_value_heads",
		`"tie_word_embeddings": "false",`: "tie_word_embeddings holds a string where true or false belongs",
	} {
		key := strings.Split(bad, ":")[0]
		_, err := tryPlan(t, strings.Replace(strings.ReplaceAll(llama31, key, `"old"`), "{", "{"+bad, 1))
		if !errors.Is(err, formats.ErrCorrupt) || !strings.Contains(err.Error(), says) {
			t.Errorf("%s: %v", bad, err)
		}
	}
}

// What cannot be evaluated can still be quantized.
func TestConfigErr(t *testing.T) {
	for name, config := range map[string]string{
		"dynamic":    strings.Replace(qwen25, "{", `{"rope_scaling": {"type": "dynamic", "factor": 4.0}, `, 1),
		"gelu":       strings.Replace(qwen25, "silu", "gelu", 1),
		"per kind":   strings.Replace(qwen25, "{", `{"rope_parameters": {"full_attention": {"rope_theta": 5.0}}, `, 1),
		"partial":    strings.Replace(qwen25, "{", `{"partial_rotary_factor": 0.5, `, 1),
		"qwen llama": strings.Replace(qwen25, "{", `{"rope_scaling": {"rope_type": "llama3", "factor": 8.0}, `, 1),
	} {
		c := plan(t, config)
		if !errors.Is(c.ConfigErr, formats.ErrUnsupported) || len(c.Tensors) != 339 {
			t.Errorf("%s: %v, %d tensors", name, c.ConfigErr, len(c.Tensors))
		}
		if len(c.Warnings) != 1 || !strings.Contains(c.Warnings[0], "not evaluated") {
			t.Errorf("%s: warnings %q", name, c.Warnings)
		}
	}
}

// A scaling that is half given stops evaluation, and what GGUF has no key for is told.
func TestRopeScalingThatIsNotSaid(t *testing.T) {
	for scaling, tt := range map[string]struct{ fails, told string }{
		`{"factor": 2.0}`:    {fails: "factor of 2 and without rope_type"},
		`{"factor": 1.0}`:    {},
		`{}`:                 {},
		`{"type": "linear"}`: {fails: `"linear" without a factor`},
		`{"rope_type": "yarn", "original_max_position_embeddings": 128}`:             {fails: `"yarn" without a factor`},
		`{"type": "yarn", "factor": 4.0}`:                                            {},
		`{"type": "yarn", "factor": 4.0, "truncate": true, "attention_factor": 1.3}`: {},
		`{"type": "yarn", "factor": 4.0, "truncate": false}`:                         {told: "truncate"},
		`{"type": "yarn", "factor": 4.0, "mscale": 1.0, "mscale_all_dim": 1.0}`:      {told: "mscale"},
	} {
		c := plan(t, `{"model_type": "llama", "hidden_size": 64, "intermediate_size": 128, "num_hidden_layers": 1,
			"num_attention_heads": 4, "vocab_size": 32, "max_position_embeddings": 512, "rope_scaling": `+scaling+`}`)
		if (c.ConfigErr != nil) != (tt.fails != "") || c.ConfigErr != nil && !strings.Contains(c.ConfigErr.Error(), tt.fails) {
			t.Errorf("%s: %v", scaling, c.ConfigErr)
		}
		told := strings.Contains(strings.Join(c.Warnings, "; "), "GGUF has no key for rope_scaling's "+tt.told)
		if told != (tt.told != "") {
			t.Errorf("%s: %q", scaling, c.Warnings)
		}
	}
	for _, name := range checkpointtest.Names() {
		c := open(t, checkpointtest.Load(t, name).Folder(t))
		if w := c.Config.Unsaid(c.Metadata); (w != "") != (name == "bitnet") {
			t.Errorf("%s: %s", name, w)
		}
	}
}
