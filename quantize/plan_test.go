package quantize

import (
	"errors"
	"fmt"
	"math"
	"reflect"
	"slices"
	"strings"
	"testing"

	"bitmill/formats"
	"bitmill/formats/checkpoint"
	"bitmill/formats/checkpoint/arch"
	"bitmill/formats/gguf"
	"bitmill/formats/imatrix"
)

// small is a llama of two layers, width cols, without data.
func small(cols int64, source formats.Type) *checkpoint.Checkpoint {
	c := &checkpoint.Checkpoint{
		Config:   arch.Config{Arch: "llama", Layers: 2, Heads: 4, KVHeads: 2},
		Metadata: new(gguf.Metadata),
	}
	c.Metadata.Set("general.file_type", uint32(32))
	c.Metadata.Set("general.architecture", "llama")
	c.Metadata.Set("split.count", uint16(2))
	add := func(name string, t formats.Type, shape ...int64) {
		c.Tensors = append(c.Tensors, checkpoint.Tensor{Tensor: formats.Tensor{Name: name, Type: t, Shape: shape}})
	}
	add("token_embd.weight", source, cols, 1000)
	for i := range 2 {
		for _, part := range []string{"attn_q", "attn_k", "attn_v", "attn_output", "ffn_gate", "ffn_up", "ffn_down"} {
			add(fmt.Sprintf("blk.%d.%s.weight", i, part), source, cols, cols)
		}
		add(fmt.Sprintf("blk.%d.attn_norm.weight", i), formats.F32, cols)
	}
	add("output_norm.weight", formats.F32, cols)
	add("output.weight", source, cols, 1000)
	return c
}

// importance covers the layers' matrices of small(cols).
func importance(cols int) *imatrix.Matrix {
	m := &imatrix.Matrix{Datasets: []string{"text.txt", "more.txt"}, Windows: 3, WindowSize: 512}
	for i := range 2 {
		for _, part := range []string{"attn_k", "attn_output", "attn_q", "attn_v", "ffn_down", "ffn_gate", "ffn_up"} {
			e := imatrix.Entry{Name: fmt.Sprintf("blk.%d.%s.weight", i, part), Counts: []float32{2}}
			for j := range cols {
				e.SumSquares = append(e.SumSquares, float32(j+1))
			}
			m.Entries = append(m.Entries, e)
		}
	}
	return m
}

func planned(t *testing.T, p *Plan, name string) Planned {
	t.Helper()
	i := slices.IndexFunc(p.Tensors, func(t Planned) bool { return t.Name == name })
	if i < 0 {
		t.Fatalf("no tensor %s", name)
	}
	return p.Tensors[i]
}

func TestOrder(t *testing.T) {
	var c checkpoint.Checkpoint
	want := []string{"output.weight", "output_norm.weight", "token_embd.weight", "blk.0.b", "blk.2.a", "blk.10.a", "blk.10.b"}
	for _, name := range []string{"token_embd.weight", "blk.10.b", "blk.2.a", "output_norm.weight", "blk.10.a", "output.weight", "blk.0.b"} {
		c.Tensors = append(c.Tensors, checkpoint.Tensor{Tensor: formats.Tensor{Name: name}})
	}
	var got []string
	for _, i := range fileOrder(c.Tensors) {
		got = append(got, c.Tensors[i].Name)
	}
	if !slices.Equal(got, want) {
		t.Errorf("order %v, want %v", got, want)
	}
}

func TestReasons(t *testing.T) {
	c := small(576, formats.BF16)
	p := mustPlan(t, c, Options{Format: "q4_k", TensorTypes: []string{`blk\.1\.attn_k=q8_0`, "attn_k|up=f16"}, EmbeddingType: "Q8_0"})
	for name, want := range map[string]Planned{
		"blk.0.attn_v.weight":    {Tensor: formats.Tensor{Type: formats.Q5_0}, Wanted: formats.Q4_K, Reason: "fallback: 576 % 256", Fallback: true},
		"blk.1.attn_v.weight":    {Tensor: formats.Tensor{Type: formats.Q8_0}, Wanted: formats.Q6_K, Reason: "fallback: 576 % 256", Fallback: true},
		"blk.0.attn_k.weight":    {Tensor: formats.Tensor{Type: formats.F16}, Wanted: formats.F16, Reason: "override"},
		"blk.1.attn_k.weight":    {Tensor: formats.Tensor{Type: formats.Q8_0}, Wanted: formats.Q8_0, Reason: "override"},
		"blk.1.attn_norm.weight": {Tensor: formats.Tensor{Type: formats.F32}, Wanted: formats.F32, Reason: "kept"},
		"token_embd.weight":      {Tensor: formats.Tensor{Type: formats.Q8_0}, Wanted: formats.Q8_0, Reason: "embedding type"},
		"output.weight":          {Tensor: formats.Tensor{Type: formats.Q8_0}, Wanted: formats.Q8_0, Reason: "rule output uneven-row"},
	} {
		got := planned(t, p, name)
		if got.Type != want.Type || got.Wanted != want.Wanted || got.Reason != want.Reason || got.Fallback != want.Fallback {
			t.Errorf("%s: %s, wanted %s, %q, fallback %v", name, got.Type, got.Wanted, got.Reason, got.Fallback)
		}
	}
	if p.Overrides[0].Matches != 1 || p.Overrides[1].Matches != 3 {
		t.Errorf("match counts %d and %d, want 1 and 3", p.Overrides[0].Matches, p.Overrides[1].Matches)
	}
	if p.Fallbacks != 10 {
		t.Errorf("%d fallbacks, want 10", p.Fallbacks)
	}
	p = mustPlan(t, small(512, formats.BF16), Options{Format: "Q4_K_M"})
	if got := planned(t, p, "blk.1.attn_v.weight").Reason; got != "rule attn_v more-bits" {
		t.Errorf("reason %q", got)
	}
}

// Overrides hide tensors from the rules' counting, as in llama-quantize: the first two value tensors that rules decide
// are those of layers 1 and 2 here.
func TestOverridesShiftPositions(t *testing.T) {
	c := small(256, formats.BF16)
	for i := 2; i < 4; i++ {
		c.Tensors = append(c.Tensors, checkpoint.Tensor{Tensor: formats.Tensor{Name: fmt.Sprintf("blk.%d.attn_v.weight", i), Type: formats.BF16, Shape: []int64{256, 256}}})
	}
	p := mustPlan(t, c, Options{Format: "Q3_K_M", TensorTypes: []string{"blk.0.attn_v=q8_0"}})
	for i, want := range []formats.Type{formats.Q8_0, formats.Q5_K, formats.Q5_K, formats.Q4_K} {
		if got := planned(t, p, fmt.Sprintf("blk.%d.attn_v.weight", i)); got.Type != want {
			t.Errorf("%s: %s, want %s", got.Name, got.Type, want)
		}
	}
}

func TestOptions(t *testing.T) {
	c := small(512, formats.BF16)
	tied := small(512, formats.BF16)
	tied.Tensors = slices.DeleteFunc(tied.Tensors, func(t checkpoint.Tensor) bool { return t.Name == "output.weight" })
	for _, tt := range []struct {
		c      *checkpoint.Checkpoint
		o      Options
		tensor string
		want   formats.Type
	}{
		{c, Options{Format: "Q2_K", LeaveOutput: true}, "output.weight", formats.BF16},
		{c, Options{Format: "Q2_K", OutputType: "q8_0"}, "output.weight", formats.Q8_0},
		{c, Options{Format: "Q2_K", OutputType: "q8_0"}, "token_embd.weight", formats.Q2_K},
		{tied, Options{Format: "Q2_K"}, "token_embd.weight", formats.Q6_K},
		{tied, Options{Format: "Q2_K", OutputType: "f16"}, "token_embd.weight", formats.F16},
		{tied, Options{Format: "Q2_K", EmbeddingType: "q4_0", OutputType: "f16"}, "token_embd.weight", formats.Q4_0},
		{c, Options{Format: "Q4_K_M", Pure: true}, "output.weight", formats.Q4_K},
		{c, Options{Format: "Q4_K_M", Pure: true, OutputType: "q5_k"}, "output.weight", formats.Q5_K},
		{c, Options{Format: "Q4_K_M", Pure: true, TensorTypes: []string{"attn_q=q8_0"}}, "blk.1.attn_q.weight", formats.Q8_0},
		{c, Options{Format: "F16"}, "blk.1.attn_q.weight", formats.F16},
		{c, Options{Format: "F16"}, "blk.1.attn_norm.weight", formats.F32},
		{c, Options{Format: "f32"}, "token_embd.weight", formats.F32},
	} {
		p := mustPlan(t, tt.c, tt.o)
		if got := planned(t, p, tt.tensor); got.Type != tt.want {
			t.Errorf("%+v: %s is %s (%s), want %s", tt.o, tt.tensor, got.Type, got.Reason, tt.want)
		}
	}
}

func TestMetadata(t *testing.T) {
	c, m := small(256, formats.BF16), importance(256)
	extra := new(gguf.Metadata)
	extra.Set("bitmill.version", "1")
	p, err := NewPlan(c, m, Options{Format: "Q4_K_M", ImatrixFile: "im.gguf", Provenance: extra})
	if err != nil {
		t.Fatal(err)
	}
	wantKeys := []string{"general.architecture", "general.quantization_version", "general.file_type", "quantize.imatrix.file",
		"quantize.imatrix.dataset", "quantize.imatrix.entries_count", "quantize.imatrix.chunks_count", "bitmill.version"}
	wantValues := []any{"llama", uint32(2), uint32(15), "im.gguf", "text.txt", uint32(14), uint32(3), "1"}
	if got := p.Metadata.Keys(); !slices.Equal(got, wantKeys) {
		t.Fatalf("keys %v, want %v", got, wantKeys)
	}
	for i, key := range wantKeys {
		if got, _ := p.Metadata.Get(key); !reflect.DeepEqual(got, wantValues[i]) {
			t.Errorf("%s is %v (%T), want %v (%T)", key, got, got, wantValues[i], wantValues[i])
		}
	}
	if v, _ := c.Metadata.Get("general.file_type"); v != uint32(32) {
		t.Error("the source's metadata changed")
	}
}

// Only 127 bytes of a text fit llama-quantize's records; a copy says what its source is taken for.
func TestMetadataAsLlamaQuantizeWritesThem(t *testing.T) {
	c, m := small(256, formats.BF16), importance(256)
	m.Datasets = []string{strings.Repeat("é", 100)}
	for name, types := range map[string]int{"BF16": 1024 + 32, "Q4_K": 1024 + 15, "NVFP4": 1024 + 39, "MXFP4": 1024, "F32": 1024} {
		typ, err := formats.ParseType(name)
		if err != nil {
			t.Fatal(err)
		}
		c := small(256, typ)
		c.Metadata.Delete("general.file_type")
		if v, _ := mustPlan(t, c, Options{Format: "COPY"}).Metadata.Get("general.file_type"); v != uint32(types) {
			t.Errorf("a copy of a %s file is of type %v, want %d", name, v, types)
		}
	}
	p, err := NewPlan(c, m, Options{Format: "Q4_K_M", ImatrixFile: strings.Repeat("long", 40)})
	if err != nil {
		t.Fatal(err)
	}
	for key, want := range map[string]string{"quantize.imatrix.file": strings.Repeat("long", 40)[:127], "quantize.imatrix.dataset": strings.Repeat("é", 63)} {
		if got, _, _ := p.Metadata.String(key); got != want {
			t.Errorf("%s is %q, want %q", key, got, want)
		}
	}
}

// What overridden metadata say of the model decides the types, as in llama-quantize.
func TestOverriddenMetadataDecideTypes(t *testing.T) {
	c := small(512, formats.BF16)
	c.Metadata.Set("llama.attention.head_count", uint32(4))
	c.Metadata.Set("llama.attention.head_count_kv", uint32(2))
	for _, tt := range []struct {
		key  string
		want formats.Type
	}{
		{"llama.attention.head_count_kv=int:1", formats.Q4_K}, // four heads share a key head
		{"llama.attention.head_count_kv=int:2", formats.Q3_K},
		{"llama.attention.head_count_kv=str:1", formats.Q3_K}, // not a count
		{"llama.expert_count=int:8", formats.Q8_0},
	} {
		p := mustPlan(t, c, Options{Format: "Q2_K", MetadataKeys: []string{tt.key}})
		if got := planned(t, p, "blk.0.attn_v.weight").Type; got != tt.want {
			t.Errorf("%s: attn_v is %s, want %s", tt.key, got, tt.want)
		}
	}
	p := mustPlan(t, c, Options{Format: "Q2_K", TensorTypes: []string{"ATTN_V=q8_0"}})
	if got := planned(t, p, "blk.0.attn_v.weight").Type; got != formats.Q8_0 {
		t.Errorf("a pattern in capitals: attn_v is %s", got)
	}
}

func TestRefusals(t *testing.T) {
	withEntry := func(change func(m *imatrix.Matrix)) *imatrix.Matrix {
		m := importance(512)
		change(m)
		return m
	}
	other := new(gguf.Metadata)
	other.Set("general.name", "x")
	for _, tt := range []struct {
		name string
		c    *checkpoint.Checkpoint
		m    *imatrix.Matrix
		o    Options
		want string
	}{
		{"unknown format", small(512, formats.BF16), nil, Options{Format: "Q4_K_N"}, "did you mean Q4_K_M?"},
		{"no format", small(512, formats.BF16), nil, Options{}, "unknown format"},
		{"unknown type", small(512, formats.BF16), nil, Options{Format: "Q4_0", TensorTypes: []string{"a=q9"}}, "unknown tensor type"},
		{"activation type", small(512, formats.BF16), nil, Options{Format: "Q4_0", OutputType: "Q8_K"}, "output type: not supported"},
		{"no equals sign", small(512, formats.BF16), nil, Options{Format: "Q4_0", TensorTypes: []string{"attn_q"}}, "PATTERN=TYPE"},
		{"bad pattern", small(512, formats.BF16), nil, Options{Format: "Q4_0", TensorTypes: []string{"(=q4_0"}}, "missing closing )"},
		{"matches nothing", small(512, formats.BF16), nil, Options{Format: "Q4_0", TensorTypes: []string{"attn_x=q4_1"}}, "attn_x=Q4_1 matches no tensor"},
		{"matches only kept tensors", small(512, formats.BF16), nil, Options{Format: "Q4_0", TensorTypes: []string{"norm=q4_1"}}, "matches no tensor"},
		{"shadowed", small(512, formats.BF16), nil, Options{Format: "Q4_0", TensorTypes: []string{"attn=q4_1", "attn_q=q5_0"}}, "earlier patterns decide all 2"},
		{"exact type does not fit", small(576, formats.BF16), nil, Options{Format: "Q4_0", OutputType: "Q6_K"}, "rows of 576 values do not divide into blocks of 256"},
		{"embedding type does not fit", small(576, formats.BF16), nil, Options{Format: "Q4_0", EmbeddingType: "Q6_K"}, "token_embd.weight"},
		{"no substitute", small(576, formats.BF16), nil, Options{Format: "Q1_0"}, "no other type stands in"},
		{"imatrix required", small(512, formats.BF16), nil, Options{Format: "Q2_K_S"}, "14 tensors (blk.0.attn_k.weight, blk.0.attn_output.weight, blk.0.attn_q.weight, ...) cannot be encoded this small"},
		{"imatrix lacks a tensor", small(512, formats.BF16), withEntry(func(m *imatrix.Matrix) { m.Entries = m.Entries[1:] }), Options{Format: "IQ2_S"}, "1 tensor (blk.0.attn_k.weight)"},
		{"imatrix of another model", small(512, formats.BF16), importance(256), Options{Format: "Q4_K_M"}, "another model"},
		{"imatrix with NaN", small(512, formats.BF16), withEntry(func(m *imatrix.Matrix) { m.Entries[2].SumSquares[7] = float32(math.NaN()) }), Options{Format: "Q4_K_M"}, "NaN for blk.0.attn_q.weight, column 7"},
		{"quantized source", small(512, formats.Q8_0), nil, Options{Format: "Q4_K_M"}, "16 tensors (output.weight, token_embd.weight, blk.0.attn_k.weight, ...) would be encoded a second time"},
		{"unreadable source", small(512, formats.I32), nil, Options{Format: "Q4_K_M"}, "converting from I32"},
		{"foreign provenance", small(512, formats.BF16), nil, Options{Format: "Q4_K_M", Provenance: other}, "does not start with"},
	} {
		_, err := NewPlan(tt.c, tt.m, tt.o)
		if err == nil || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%s: error %v, want one with %q", tt.name, err, tt.want)
		}
	}
}

func TestQuantizedSource(t *testing.T) {
	c := small(512, formats.Q8_0)
	if _, err := NewPlan(c, nil, Options{Format: "Q8_0"}); err != nil {
		t.Errorf("same type: %v", err)
	}
	if _, err := NewPlan(c, nil, Options{Format: "Q4_0", AllowRequantize: true}); err != nil {
		t.Errorf("allowed: %v", err)
	}
}

func TestWarnings(t *testing.T) {
	m := importance(512)
	m.Entries[len(m.Entries)-1].Name = "blk.7.ffn_up.weight"
	p, err := NewPlan(small(512, formats.BF16), m, Options{Format: "Q4_K_M"})
	if err != nil {
		t.Fatal(err)
	}
	want := []string{
		"the importance matrix has no weights for 1 tensor (blk.1.ffn_up.weight)",
		"the importance matrix has weights for 1 tensor (blk.7.ffn_up.weight) that the model lacks",
	}
	if !slices.Equal(p.Warnings, want) {
		t.Errorf("warnings %q, want %q", p.Warnings, want)
	}
}

// Blocks that predict further tokens have no weights, which is told only where nothing can be made without.
func TestPredictorsWithoutWeights(t *testing.T) {
	c, m := small(512, formats.BF16), importance(512)
	c.Config.Layers, c.Config.NextN = 1, 1
	m.Entries = slices.DeleteFunc(m.Entries, func(e imatrix.Entry) bool { return strings.HasPrefix(e.Name, "blk.1.") })
	if p, err := NewPlan(c, m, Options{Format: "Q4_K_M"}); err != nil || len(p.Warnings) > 0 {
		t.Errorf("%v, warnings %q", err, p.Warnings)
	}
	if _, err := NewPlan(c, m, Options{Format: "IQ2_XS"}); err == nil || !strings.Contains(err.Error(), "--no-mtp") {
		t.Errorf("IQ2_XS: %v", err)
	}
}

func TestParseFormat(t *testing.T) {
	for name, want := range map[string]string{"q4_k": "Q4_K_M", "Q5_K": "Q5_K_M", "q3_k": "Q3_K_M", "iq2_xxs": "IQ2_XXS", "bf16": "BF16"} {
		if f, err := ParseFormat(name); err != nil || f.Name != want {
			t.Errorf("%s: %v, %v", name, f, err)
		}
	}
	seen := map[uint32]bool{}
	for _, f := range Formats() {
		if seen[f.FileType] || f.Default.BlockLen() == 0 {
			t.Errorf("%s: number %d, default %s", f.Name, f.FileType, f.Default)
		}
		seen[f.FileType] = true
	}
	for _, name := range Headline() {
		if _, err := ParseFormat(name); err != nil {
			t.Error(err)
		}
	}
}

// recipeLines is the format as text: its rules in order, then the type of everything else.
func recipeLines(f *Format) (lines []string) {
	for _, r := range f.Rules {
		lines = append(lines, r.text(r.Roles)+": "+r.Type.String())
	}
	return append(lines, "other: "+f.Default.String())
}

func TestRecipe(t *testing.T) {
	f, err := ParseFormat("Q5_K_M")
	if err != nil {
		t.Fatal(err)
	}
	want := []string{
		"output falcon: Q8_0", "output uneven-row: Q8_0", "output: Q6_K",
		"attn_k|attn_v|attn_qkv|attn_kv_b experts=8: Q8_0",
		"attn_v|attn_qkv|attn_kv_b more-bits: Q6_K", "ffn_down more-bits: Q6_K", "other: Q5_K",
	}
	if got := recipeLines(f); !slices.Equal(got, want) {
		t.Errorf("recipe %q, want %q", got, want)
	}
}

func TestFit(t *testing.T) {
	for _, tt := range []struct {
		t    formats.Type
		cols int64
		want formats.Type
	}{
		{formats.Q4_K, 512, formats.Q4_K},
		{formats.Q4_K, 288, formats.Q5_0},
		{formats.IQ2_XXS, 288, formats.IQ4_NL},
		{formats.Q4_K, 100, formats.F16},
		{formats.Q8_0, 100, formats.F16},
		{formats.MXFP4, 100, formats.F16},
		{formats.Q2_0, 96, formats.Q4_0},
		{formats.F32, 7, formats.F32},
	} {
		if got, err := fit(tt.t, tt.cols); err != nil || got != tt.want {
			t.Errorf("%s in rows of %d: %s, %v, want %s", tt.t, tt.cols, got, err, tt.want)
		}
	}
	if _, err := fit(formats.Q1_0, 96); !errors.Is(err, formats.ErrUnsupported) {
		t.Errorf("Q1_0 in rows of 96: %v", err)
	}
}
