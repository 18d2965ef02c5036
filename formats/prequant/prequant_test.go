package prequant

import (
	"encoding/binary"
	"encoding/json"
	"errors"
	"math"
	"os"
	"slices"
	"strings"
	"testing"

	"bitmill/formats"
	"bitmill/formats/safetensors"
)

// group is a case of testdata/groups.json.
type group struct {
	Config  json.RawMessage
	Tensors []safetensors.Tensor
	Shape   []int64
	Want    []byte
}

func groups(t testing.TB) (cases map[string]group, float8 map[string][]byte) {
	t.Helper()
	data, err := os.ReadFile("testdata/groups.json")
	if err != nil {
		t.Fatal(err)
	}
	var raw map[string]json.RawMessage
	if err := json.Unmarshal(data, &raw); err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(raw["float8"], &float8); err != nil {
		t.Fatal(err)
	}
	delete(raw, "float8")
	cases = map[string]group{}
	for name, r := range raw {
		var g group
		if err := json.Unmarshal(r, &g); err != nil {
			t.Fatal(err)
		}
		cases[name] = g
	}
	return cases, float8
}

func read(data []byte) []float32 {
	values := make([]float32, len(data)/4)
	for i := range values {
		values[i] = math.Float32frombits(binary.LittleEndian.Uint32(data[4*i:]))
	}
	return values
}

func TestFloat8(t *testing.T) {
	_, want := groups(t)
	for name, table := range map[string]*[256]float32{"e4m3": &e4m3, "e5m2": &e5m2} {
		for code, w := range read(want[name]) {
			if v := table[code]; v != w && !(v != v && w != w) || math.Signbit(float64(v)) != math.Signbit(float64(w)) && v == v {
				t.Errorf("%s: code %#x is %v, want %v", name, code, v, w)
			}
		}
	}
}

// gather opens the one matrix of a case.
func gather(g group) (Matrix, string, error) {
	s, err := ParseScheme(g.Config)
	if err != nil {
		return nil, "", err
	}
	list, kind, err := Gather(s, append([]safetensors.Tensor{{Name: "norm", DType: "F32", Shape: []int64{1}, Data: make([]byte, 4)}}, g.Tensors...))
	if err != nil {
		return nil, "", err
	}
	if len(list) != 2 || list[0].Name != "norm" || list[1].Name != "x.weight" || list[1].Matrix == nil {
		return nil, "", errors.New("the group did not become one matrix")
	}
	return list[1].Matrix, kind, nil
}

func TestGroups(t *testing.T) {
	cases, _ := groups(t)
	kinds := map[string]string{
		"gptq4": "GPTQ, 4 bits in groups of 8", "awq": "AWQ, 4 bits in groups of 8", "fp8block": "FP8 E4M3 with a scale per block of 4x8",
		"fp8row": "FP8 E4M3 with a scale per row", "fp8tensor": "FP8 E5M2 with a scale per matrix", "fp8none": "FP8 E4M3",
		"int8": "8-bit integers with a scale per row", "ct4": "compressed-tensors, 4 bits in groups of 8", "bitnet": "BitNet, ternary",
	}
	if len(cases) < 15 {
		t.Fatal(len(cases), "cases")
	}
	for name, g := range cases {
		m, kind, err := gather(g)
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		if want, ok := kinds[name]; ok && kind != want {
			t.Errorf("%s is %q, want %q", name, kind, want)
		}
		rows, cols := m.Shape()
		want := read(g.Want)
		if !slices.Equal([]int64{rows, cols}, g.Shape) {
			t.Errorf("%s: %d by %d, want %v", name, rows, cols, g.Shape)
			continue
		}
		for _, n := range []int64{1, 3, rows} { // rows at a time
			for first := int64(0); first < rows; first += n {
				k := min(n, rows-first)
				got := make([]float32, k*cols)
				m.Rows(got, first, k)
				if !slices.Equal(got, want[first*cols:(first+k)*cols]) {
					t.Fatalf("%s: rows from %d on, %d at a time, are\n%v, want\n%v", name, first, n, got, want[first*cols:(first+k)*cols])
				}
			}
		}
	}
}

// Every way of spoiling a group is refused with a sentence.
func TestSpoiled(t *testing.T) {
	drop := func(name string) func(*group) {
		return func(g *group) {
			g.Tensors = slices.DeleteFunc(g.Tensors, func(x safetensors.Tensor) bool { return x.Name == name })
		}
	}
	config := func(from, to string) func(*group) {
		return func(g *group) {
			if !strings.Contains(string(g.Config), from) {
				panic("no " + from)
			}
			g.Config = json.RawMessage(strings.ReplaceAll(string(g.Config), from, to))
		}
	}
	change := func(name string, f func(*safetensors.Tensor)) func(*group) {
		return func(g *group) {
			for i := range g.Tensors {
				if g.Tensors[i].Name == name {
					f(&g.Tensors[i])
				}
			}
		}
	}
	shape := func(name string, shape ...int64) func(*group) {
		return change(name, func(x *safetensors.Tensor) { x.Shape = shape })
	}
	for _, c := range []struct {
		of    string
		spoil func(*group)
		is    error
		says  string
	}{
		{"gptq4", drop("x.scales"), formats.ErrCorrupt, "its tensor x.scales is missing"},
		{"gptq4", drop("x.qzeros"), formats.ErrCorrupt, "its tensor x.qzeros is missing"},
		{"gptq4", config(`"group_size": 8`, `"group_size": 16`), formats.ErrCorrupt, "x.scales has the shape [4 32], not [2 32] (quantization_config: 4 bits in groups of 16)"},
		{"gptq4", config(`"bits": 4`, `"bits": 8`), formats.ErrCorrupt, "x.scales has the shape"},
		{"gptq4", config(`"bits": 4`, `"bits": 5`), formats.ErrCorrupt, "bits is 5"},
		{"gptq4", config(`"checkpoint_format": "gptq"`, `"checkpoint_format": "marlin"`), formats.ErrUnsupported, "marlin"},
		{"gptq4", config(`"gptq"`, `"hqq"`), formats.ErrUnsupported, "hqq"},
		{"gptq4", func(g *group) { g.Config = nil }, formats.ErrUnsupported, "no quantization_config"},
		{"gptq4", change("x.g_idx", func(x *safetensors.Tensor) { x.Data = slices.Clone(x.Data); x.Data[4] = 9 }), formats.ErrCorrupt, "puts column 1 into group 9 of 4"},
		{"gptq4", change("x.qweight", func(x *safetensors.Tensor) { x.DType = "F32" }), formats.ErrCorrupt, "is of dtype F32, not I32"},
		{"gptq4", shape("x.qweight", 128), formats.ErrCorrupt, "does not hold codes of 4 bits"},
		{"awq", drop("x.qzeros"), formats.ErrCorrupt, "its tensor x.qzeros is missing"},
		{"awq", config(`"gemm"`, `"gemv"`), formats.ErrUnsupported, "gemv"},
		{"awq", config(`"bits": 4`, `"bits": 3`), formats.ErrUnsupported, "awq, 3 bits"},
		{"awq", config(`"group_size": 8`, `"group_size": 5`), formats.ErrCorrupt, "not [5 16]"},
		{"fp8block", drop("x.weight_scale_inv"), formats.ErrCorrupt, "its tensor x.weight_scale is missing"},
		{"fp8block", config(`[4, 8]`, `[8, 8]`), formats.ErrCorrupt, "x.weight_scale_inv has the shape [3 3]"},
		{"fp8block", config(`[4, 8]`, `[0, 8]`), formats.ErrCorrupt, "blocks of [0 8]"},
		{"fp8block", change("x.weight", func(x *safetensors.Tensor) { x.DType = "F8_E4M3FNUZ" }), formats.ErrUnsupported, "F8_E4M3FNUZ"},
		{"fp8none", shape("x.weight", 180), formats.ErrUnsupported, "only matrices"},
		{"ct4", drop("x.weight_shape"), formats.ErrCorrupt, "its tensor x.weight_shape is missing"},
		{"ct4", change("x.weight_shape", func(x *safetensors.Tensor) { x.Data = []byte("01234567abcdefgh") }), formats.ErrCorrupt, "does not hold a matrix of"},
		{"ct4", config("pack-quantized", "nvfp4-pack-quantized"), formats.ErrUnsupported, "nvfp4"},
		{"bitnet", shape("x.weight_scale", 1, 1), formats.ErrCorrupt, "x.weight_scale has the shape"},
	} {
		cases, _ := groups(t)
		g := cases[c.of]
		c.spoil(&g)
		if _, _, err := gather(g); err == nil || !errors.Is(err, c.is) || !strings.Contains(err.Error(), c.says) {
			t.Errorf("%s: %v; want an error that says %q", c.of, err, c.says)
		}
	}
}

// A second weight beside a group is an error.
func TestSecondWeight(t *testing.T) {
	cases, _ := groups(t)
	q := cases["awq"]
	q.Tensors = append(q.Tensors, safetensors.Tensor{Name: "x.weight", DType: "F32", Data: make([]byte, 4)})
	if _, _, err := gather(q); err == nil || !strings.Contains(err.Error(), "there is a tensor x.weight too") {
		t.Error(err)
	}
}
