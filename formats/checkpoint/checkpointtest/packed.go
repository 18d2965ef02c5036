package checkpointtest

import (
	"encoding/binary"
	"encoding/json"
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"bitmill/formats/block"
)

// PackedKinds lists the ways in which Packed stores matrices.
var PackedKinds = []string{"fp8", "gptq", "awq", "lora"}

// Packed writes two folders with a tokenizer: dir/kind, in which the projections of the case are quantized (to random
// codes) or have an adapter, dir/kind.lora, and dir/kind.plain, which holds the same model as plain values, worked out
// here from the definitions: F32, of an adapter BF16 as in the case.
func (c *Case) Packed(t testing.TB, dir, kind string) {
	t.Helper()
	var stored, plain, adapter []Raw
	for _, r := range c.Raws() {
		if len(r.Shape) != 2 || !strings.Contains(r.Name, "_proj.") {
			stored, plain = append(stored, r), append(plain, r)
			continue
		}
		p := packer{name: r.Name, rows: int(r.Shape[0]), cols: int(r.Shape[1])}
		switch kind {
		case "fp8":
			p.fp8()
		case "gptq":
			p.gptq()
		case "awq":
			p.awq()
		case "lora":
			p.stored = []Raw{r}
			adapter = append(adapter, p.lora(Weights(r.Name, r.Shape))...)
		default:
			t.Fatalf("checkpointtest: no kind %q", kind)
		}
		stored = append(stored, p.stored...)
		if kind == "lora" {
			plain = append(plain, Raw{r.Name, "BF16", r.Shape, bf16(p.values)})
		} else {
			plain = append(plain, Raw{r.Name, "F32", r.Shape, f32(p.values)})
		}
	}
	quantized := map[string]string{
		"fp8":  `{"quant_method": "fp8", "weight_block_size": [96, 128]}`,
		"gptq": `{"quant_method": "gptq", "bits": 4, "group_size": 32, "desc_act": true}`,
		"awq":  `{"quant_method": "awq", "bits": 4, "group_size": 32, "zero_point": true, "version": "gemm"}`,
	}[kind]
	c.write(t, filepath.Join(dir, kind), quantized, stored)
	c.write(t, filepath.Join(dir, kind+".plain"), "", plain)
	if adapter != nil {
		folder := filepath.Join(dir, kind+".lora")
		if err := os.MkdirAll(folder, 0o777); err != nil {
			t.Fatal(err)
		}
		WriteFile(t, folder, "adapter_config.json",
			[]byte(`{"peft_type": "LORA", "r": 4, "lora_alpha": 6, "base_model_name_or_path": "org/base"}`))
		WriteFile(t, folder, "adapter_model.safetensors", Safetensors(t, adapter))
	}
}

// write writes a folder with the case's configuration and tokenizer.
func (c *Case) write(t testing.TB, dir, quantized string, tensors []Raw) {
	t.Helper()
	if err := os.CopyFS(dir, os.DirFS(c.FolderWithTokenizer(t))); err != nil {
		t.Fatal(err)
	}
	if quantized != "" {
		var config map[string]any
		if err := json.Unmarshal(c.Config, &config); err != nil {
			t.Fatal(err)
		}
		config["quantization_config"] = json.RawMessage(quantized)
		data, err := json.Marshal(config)
		if err != nil {
			t.Fatal(err)
		}
		WriteFile(t, dir, "config.json", data)
	}
	WriteFile(t, dir, "model.safetensors", Safetensors(t, tensors))
}

// packer packs one matrix.
type packer struct {
	name       string
	rows, cols int
	stored     []Raw
	values     []float32 // that it stands for
}

// random gives n whole numbers from 0 to below.
func (p *packer) random(what string, n, below int) []int {
	list := make([]int, n)
	for i, u := range Uniform(p.name+what, n) {
		list[i] = int((u + 1) / 2 * float32(below))
	}
	return list
}

func (p *packer) add(name, dtype string, data []byte, shape ...int64) {
	p.stored = append(p.stored, Raw{name, dtype, shape, data})
}

// strength is about the size that values should have.
func (p *packer) strength() float32 { return gain / float32(math.Sqrt(float64(p.cols))) }

func (p *packer) fp8() {
	across := (p.cols + 127) / 128
	down := (p.rows + 95) / 96
	scales := make([]float32, down*across)
	for i, n := range p.random("scales", len(scales), 64) {
		scales[i] = p.strength() / 256 * (1 + float32(n)/64)
	}
	codes := make([]byte, p.rows*p.cols)
	p.values = make([]float32, len(codes))
	for i, code := range p.random("codes", len(codes), 254) {
		if code >= 127 {
			code++ // 127 is NaN; 255 is not reached
		}
		codes[i] = byte(code)
		p.values[i] = e4m3(byte(code)) * scales[i/p.cols/96*across+i%p.cols/128]
	}
	p.add(p.name, "F8_E4M3", codes, int64(p.rows), int64(p.cols))
	p.add(p.name+"_scale_inv", "F32", f32(scales), int64(down), int64(across))
}

// e4m3 is the value of an 8-bit float with 4 bits of exponent.
func e4m3(code byte) float32 {
	exponent, mantissa := int(code>>3&15), float64(code&7)
	v := math.Ldexp(1+mantissa/8, exponent-7)
	if exponent == 0 {
		v = math.Ldexp(mantissa/8, -6)
	}
	if code >= 128 {
		v = -v
	}
	return float32(v)
}

// grouped draws codes [cols][rows], zero points and scales [groups][rows], and works out the values; group says which
// group a column belongs to.
func (p *packer) grouped(group func(col int) int) (codes, zeros []int, scales []byte) {
	groups := p.cols / 32
	codes, zeros = p.random("codes", p.cols*p.rows, 16), p.random("zeros", groups*p.rows, 4)
	steps := make([]float32, groups*p.rows)
	for i, n := range p.random("scales", len(steps), 64) {
		half := block.F16(p.strength() / 4 * (1 + float32(n)/64))
		steps[i] = block.FromF16(half)
		scales = binary.LittleEndian.AppendUint16(scales, half)
		zeros[i] += 6
	}
	p.values = make([]float32, p.rows*p.cols)
	for r := range p.rows {
		for col := range p.cols {
			at := group(col)*p.rows + r
			p.values[r*p.cols+col] = steps[at] * float32(codes[col*p.rows+r]-zeros[at])
		}
	}
	return codes, zeros, scales
}

// words puts eight codes of 4 bits into each 32-bit word: code place(word, i) at bit 4i.
func words(n int, code func(word, i int) int) (data []byte) {
	for w := range n {
		v := uint32(0)
		for i := range 8 {
			v |= uint32(code(w, i)) << (4 * i)
		}
		data = binary.LittleEndian.AppendUint32(data, v)
	}
	return data
}

func (p *packer) gptq() {
	groups := p.cols / 32
	order := func(col int) int { return col * 5 % groups } // columns lie scattered
	codes, zeros, scales := p.grouped(order)
	stem := strings.TrimSuffix(p.name, ".weight")
	var index []byte
	for col := range p.cols {
		index = binary.LittleEndian.AppendUint32(index, uint32(order(col)))
	}
	p.add(stem+".qweight", "I32", words(p.cols*p.rows/8,
		func(w, i int) int { return codes[(w/p.rows*8+i)*p.rows+w%p.rows] }), int64(p.cols/8), int64(p.rows))
	p.add(stem+".qzeros", "I32", words(groups*p.rows/8, func(w, i int) int { return zeros[w*8+i] - 1 }), int64(groups),
		int64(p.rows/8))
	p.add(stem+".scales", "F16", scales, int64(groups), int64(p.rows))
	p.add(stem+".g_idx", "I32", index, int64(p.cols))
}

func (p *packer) awq() {
	groups := p.cols / 32
	codes, zeros, scales := p.grouped(func(col int) int { return col / 32 })
	stem := strings.TrimSuffix(p.name, ".weight")
	order := [8]int{0, 2, 4, 6, 1, 3, 5, 7} // which of eight neighbours is stored at place i
	pack := func(list []int) []byte {
		return words(len(list)/8, func(w, i int) int { return list[w*8+order[i]] })
	}
	p.add(stem+".qweight", "I32", pack(codes), int64(p.cols), int64(p.rows/8))
	p.add(stem+".qzeros", "I32", pack(zeros), int64(groups), int64(p.rows/8))
	p.add(stem+".scales", "F16", scales, int64(groups), int64(p.rows))
}

// lora makes an adapter of rank 4 and alpha 6 and adds it to the weights.
func (p *packer) lora(w []float32) []Raw {
	const rank = 4
	a, b := Uniform(p.name+"A", rank*p.cols), Uniform(p.name+"B", p.rows*rank)
	for i := range b {
		b[i] *= 0.1
	}
	p.values = make([]float32, len(w))
	for i := range w {
		sum := float32(0)
		for k := range rank {
			sum += float32(b[i/p.cols*rank+k] * a[k*p.cols+i%p.cols])
		}
		p.values[i] = round(w[i] + float32(1.5*sum))
	}
	module := "base_model.model." + strings.TrimSuffix(p.name, ".weight")
	return []Raw{
		{module + ".lora_A.weight", "F32", []int64{rank, int64(p.cols)}, f32(a)},
		{module + ".lora_B.weight", "F32", []int64{int64(p.rows), rank}, f32(b)},
	}
}

func f32(values []float32) (data []byte) {
	for _, v := range values {
		data = binary.LittleEndian.AppendUint32(data, math.Float32bits(v))
	}
	return data
}
