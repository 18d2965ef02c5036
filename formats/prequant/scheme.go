package prequant

import (
	"cmp"
	"encoding/binary"
	"fmt"
	"slices"
	"strings"

	"bitmill/formats"
	"bitmill/formats/pyjson"
	"bitmill/formats/safetensors"
)

// Scheme is how quantization_config says that matrices are stored. The zero Scheme belongs to a checkpoint without
// quantization_config, which may still hold F8.
type Scheme struct {
	Method string   // quant_method: fp8, gptq ...
	Bits   int      // of a code
	Group  int64    // values of a row that share a scale; -1: all
	Block  [2]int64 // rows and columns of a block that shares a scale; zeros: none
	V2     bool     // GPTQ: zero points are stored as they are, not reduced by one
	Asym   bool     // GPTQ: zero points lie anywhere, not all in the middle of the range
	Order  bool     // GPTQ: columns are in an order of their own (g_idx)
	Direct bool     // BitNet: scales multiply codes, not divide them
	Online bool     // BitNet: matrices are stored as they are trained, and rounded when the model runs
}

// config is quantization_config in all its forms.
type config struct {
	Method     string   `json:"quant_method"`
	Bits       int      `json:"bits"`
	Group      int64    `json:"group_size"`
	Block      []int64  `json:"weight_block_size"`
	Checkpoint string   `json:"checkpoint_format"`      // gptq
	Sym        *bool    `json:"sym"`                    // gptq
	DescAct    bool     `json:"desc_act"`               // gptq
	Version    string   `json:"version"`                // awq
	Linear     string   `json:"linear_class"`           // bitnet
	Mode       string   `json:"quantization_mode"`      // bitnet
	Not        []string `json:"modules_to_not_convert"` // bitnet
	Algorithm  string   `json:"quant_algo"`             // modelopt
	Format     string   `json:"format"`                 // compressed-tensors
	Groups     map[string]struct {
		Weights *struct {
			Bits     int     `json:"num_bits"`
			Type     string  `json:"type"`
			Group    int64   `json:"group_size"`
			Block    []int64 `json:"block_structure"`
			Strategy string  `json:"strategy"`
		} `json:"weights"`
	} `json:"config_groups"`
}

// methods are the known values of quant_method; mxfp4 is stored in another way and read elsewhere.
var methods = []string{"awq", "bitnet", "compressed-tensors", "fbgemm_fp8", "fp8", "gptq", "modelopt", "mxfp4"}

// ParseScheme reads quantization_config; nil, null and {} give the zero Scheme. It fails with formats.ErrUnsupported
// for a method that bitmill cannot read, whose name is then all that the Scheme holds.
func ParseScheme(data []byte) (s Scheme, err error) {
	if pyjson.Null(data) || strings.Join(strings.Fields(string(data)), "") == "{}" {
		return s, nil
	}
	var head struct { // unknown methods may give the other keys values of other types
		Method string `json:"quant_method"`
	}
	var c config
	err = pyjson.Unmarshal(data, &head)
	if err == nil && !slices.Contains(methods, head.Method) {
		return Scheme{Method: head.Method}, unsupported(cmp.Or(head.Method, "quantization_config without quant_method"))
	}
	if err == nil {
		err = pyjson.Unmarshal(data, &c)
	}
	if err != nil {
		return s, fmt.Errorf("quantization_config: %w: %v", formats.ErrCorrupt, err)
	}
	s = Scheme{Method: c.Method, Bits: c.Bits, Group: c.Group}
	if s.Group == 0 {
		s.Group = -1
	}
	switch c.Method {
	case "fp8":
		err = s.block(c.Block)
	case "modelopt":
		if algorithm := strings.ToUpper(c.Algorithm); algorithm != "" && algorithm != "FP8" {
			err = unsupported("modelopt, " + c.Algorithm)
		}
	case "gptq":
		s.V2, s.Asym, s.Order = c.Checkpoint == "gptq_v2", c.Sym != nil && !*c.Sym, c.DescAct
		if !s.V2 && c.Checkpoint != "" && c.Checkpoint != "gptq" {
			err = unsupported("gptq, checkpoint_format " + c.Checkpoint)
		} else if s.Bits != 2 && s.Bits != 3 && s.Bits != 4 && s.Bits != 8 {
			err = fmt.Errorf("quantization_config: %w: bits is %d; GPTQ has 2, 3, 4 or 8", formats.ErrCorrupt, s.Bits)
		}
	case "awq":
		switch version := strings.ToLower(c.Version); {
		case version != "" && version != "gemm" && version != "exllama":
			err = unsupported("awq, version " + c.Version)
		case s.Bits != 4:
			err = unsupported(fmt.Sprintf("awq, %d bits", s.Bits))
		}
	case "bitnet":
		s.Direct, s.Online = c.Linear == "autobitlinear", c.Mode == "online"
		if c.Linear != "" && c.Linear != "bitlinear" && !s.Direct || c.Mode != "" && c.Mode != "offline" && !s.Online {
			err = unsupported(fmt.Sprintf("bitnet, linear_class %q in mode %q", c.Linear, c.Mode))
		}
		if s.Online && slices.ContainsFunc(c.Not, func(name string) bool { return name != "lm_head" }) {
			err = unsupported(fmt.Sprintf("bitnet, online, modules_to_not_convert %q", c.Not))
		}
	case "compressed-tensors":
		err = s.compressed(&c)
	}
	return s, err
}

// compressed reads the one group of compressed-tensors.
func (s *Scheme) compressed(c *config) error {
	if len(c.Groups) != 1 {
		return unsupported(fmt.Sprintf("compressed-tensors, %d config_groups", len(c.Groups)))
	}
	for _, g := range c.Groups {
		if g.Weights == nil {
			return fmt.Errorf("quantization_config: %w: config_groups has no weights", formats.ErrCorrupt)
		}
		s.Bits, s.Group = g.Weights.Bits, g.Weights.Group
		if s.Group == 0 {
			s.Group = -1
		}
		switch c.Format {
		case "float-quantized", "int-quantized", "naive-quantized":
			if s.Bits != 8 {
				return unsupported(fmt.Sprintf("compressed-tensors, %s of %d bits", c.Format, s.Bits))
			}
			return s.block(g.Weights.Block)
		case "pack-quantized":
			if s.Bits != 2 && s.Bits != 4 && s.Bits != 8 {
				return unsupported(fmt.Sprintf("compressed-tensors, %s of %d bits", c.Format, s.Bits))
			}
			return nil
		}
	}
	return unsupported("compressed-tensors, " + c.Format)
}

// block sets the size of blocks.
func (s *Scheme) block(size []int64) error {
	if size == nil {
		return nil
	}
	if len(size) != 2 || size[0] < 1 || size[1] < 1 {
		return fmt.Errorf("quantization_config: %w: blocks of %v", formats.ErrCorrupt, size)
	}
	s.Block = [2]int64(size)
	return nil
}

// groups is the number of groups of scales in a row of cols values.
func (s Scheme) groups(cols int64) int64 {
	if s.Group <= 0 {
		return 1
	}
	return (cols + s.Group - 1) / s.Group
}

// groupOf is the group of column i where columns are in order.
func (s Scheme) groupOf(i int64) int64 {
	if s.Group <= 0 {
		return 0
	}
	return i / s.Group
}

// String says what the codes are.
func (s Scheme) String() string {
	text := fmt.Sprintf("%d bits", s.Bits)
	if s.Group > 0 {
		return fmt.Sprintf("%s in groups of %d", text, s.Group)
	}
	return text + " with a scale per row"
}

// groupIndex reads which group each column belongs to (g_idx); without it columns are in order.
func (s Scheme) groupIndex(t *safetensors.Tensor, cols int64) ([]int32, error) {
	index := make([]int32, cols)
	for i := range index {
		if t == nil {
			index[i] = int32(s.groupOf(int64(i)))
			continue
		}
		index[i] = int32(binary.LittleEndian.Uint32(t.Data[4*i:]))
		if groups := s.groups(cols); index[i] < 0 || int64(index[i]) >= groups {
			return nil, fmt.Errorf("%w: %s puts column %d into group %d of %d",
				formats.ErrCorrupt, t.Name, i, index[i], groups)
		}
	}
	return index, nil
}

func unsupported(what string) error {
	return fmt.Errorf("%w: the weights are quantized already, in a form that bitmill does not read (%s); "+
		"use the original model", formats.ErrUnsupported, what)
}
