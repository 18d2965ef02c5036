package checkpoint

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// published says of a published model what its config.json, in testdata/published, means.
type published struct {
	layers, windowed, rotated int
	window, context           int
	base                      float64
}

var publishedModels = map[string]published{
	"afm":          {36, 0, 36, 0, 65536, 10000},
	"apertus":      {32, 0, 32, 0, 65536, 12e6},
	"command-r7b":  {32, 24, 24, 4096, 8192, 50000},
	"ernie-0.3b":   {18, 0, 18, 0, 131072, 500000},
	"exaone4-1.2b": {30, 0, 30, 0, 65536, 1e6},
	"exaone4-32b":  {64, 48, 48, 4096, 131072, 1e6},
	"glm4.7-flash": {47, 0, 47, 0, 202752, 1e6},
	"hunyuan-4b":   {36, 0, 36, 0, 262144, 11158840},
	"internlm3":    {48, 0, 48, 0, 32768, 5e7},
	"olmo3-7b":     {32, 24, 32, 4096, 65536, 500000},
	"seed-oss":     {64, 0, 64, 0, 524288, 1e7},
	"tiny-aya":     {36, 27, 27, 4096, 8192, 50000},
}

// The keys of published models are known, and mean what they should.
func TestPublishedModels(t *testing.T) {
	files, _ := filepath.Glob("testdata/published/*.json")
	if len(files) < len(publishedModels) {
		t.Fatalf("%d files", len(files))
	}
	for _, path := range files {
		name := strings.TrimSuffix(filepath.Base(path), ".json")
		p, err := OpenWith(path, OpenOptions{})
		if err != nil || p.ConfigErr != nil || len(p.Warnings) > 0 {
			t.Errorf("%s: %v, %v, %q", name, err, p.ConfigErr, p.Warnings)
			continue
		}
		want, ok := publishedModels[name]
		if !ok {
			continue
		}
		c := &p.Config
		got := published{layers: c.Layers, window: c.Window, context: c.Context, base: c.Rope.Base}
		for i := range c.Layers {
			if c.Windowed(i) {
				got.windowed++
			}
			if r := c.RopeOf(i); r != nil {
				got.rotated++
				if scaled := r.Scaling != ""; name == "olmo3-7b" && scaled == c.Windowed(i) {
					t.Errorf("%s: layer %d has RoPE %+v", name, i, r)
				}
			}
		}
		if got != want {
			t.Errorf("%s: %+v, want %+v", name, got, want)
		}
		if want.windowed > 0 && !slices.Equal(c.WindowLayers[:4], []bool{true, true, true, false}) {
			t.Errorf("%s: windows in %v", name, c.WindowLayers)
		}
	}
}

// What a config.json says otherwise than any model of its family is refused by name, or costs the evaluation.
func TestUnknownVariants(t *testing.T) {
	for _, v := range []struct{ file, old, new, says string }{
		{"command-r7b", `"rotary_pct": 1.0`, `"rotary_pct": 0.5`, "rotary_pct 0.5"},
		{"internlm3", `"bias": false`, `"bias": true`, "qkv_bias false and bias true"},
		{"afm", `"relu2"`, `"gelu"`, `activation "gelu"`},
		{"apertus", `"xielu"`, `"silu"`, `activation "silu"`},
		{"bamba-9b", `"attn_rotary_emb": 64`, `"attn_rotary_emb": 32`, "attn_rotary_emb is 32"},
		{"gemma4-e2b", `"global_head_dim": 512`, `"global_head_dim": 1099511627776`, "global_head_dim is 1099511627776"},
		{"seed-oss", `"rope_type": "default"`, `"rope_type": "dynamic", "factor": 2.0`, `"dynamic"`},
		{"hunyuan-4b", `"alpha": 1000.0`, `"factor": 2.0`, `"dynamic"`},
		{"exaone4-1.2b", `"full_attention"`, `"linear_attention"`, `"linear_attention"`},
	} {
		data, err := os.ReadFile(filepath.Join("testdata/published", v.file+".json"))
		if err != nil {
			t.Fatal(err)
		}
		text := string(data)
		changed := strings.Replace(text, v.old, v.new, 1)
		if changed == text {
			t.Fatalf("%s: nothing is called %s", v.file, v.old)
		}
		p, err := tryPlan(t, changed)
		if err == nil {
			err = p.ConfigErr
		}
		if err == nil || !strings.Contains(err.Error(), v.says) {
			t.Errorf("%s with %s: %v", v.file, v.new, err)
		}
	}
}
