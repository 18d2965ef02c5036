// Package formats holds the words that all other packages share: the table of tensor types, the description of a tensor
// as a stack of matrices, and the errors that readers return. It imports nothing of the project.
//
// A type says how one tensor's values are stored: rows are cut into blocks of Block values, each stored in Bytes
// bytes. Ids, names and sizes are those of ggml (https://github.com/ggml-org/ggml, ggml.h and ggml-common.h).
package formats

import (
	"fmt"
	"strconv"
	"strings"
)

// Type is a ggml tensor type; its value is the id that GGUF files store.
type Type uint32

// The types of ggml. Gaps are ids that ggml has retired.
const (
	F32     Type = 0
	F16     Type = 1
	Q4_0    Type = 2
	Q4_1    Type = 3
	Q5_0    Type = 6
	Q5_1    Type = 7
	Q8_0    Type = 8
	Q8_1    Type = 9
	Q2_K    Type = 10
	Q3_K    Type = 11
	Q4_K    Type = 12
	Q5_K    Type = 13
	Q6_K    Type = 14
	Q8_K    Type = 15
	IQ2_XXS Type = 16
	IQ2_XS  Type = 17
	IQ3_XXS Type = 18
	IQ1_S   Type = 19
	IQ4_NL  Type = 20
	IQ3_S   Type = 21
	IQ2_S   Type = 22
	IQ4_XS  Type = 23
	I8      Type = 24
	I16     Type = 25
	I32     Type = 26
	I64     Type = 27
	F64     Type = 28
	IQ1_M   Type = 29
	BF16    Type = 30
	TQ1_0   Type = 34
	TQ2_0   Type = 35
	MXFP4   Type = 39
	NVFP4   Type = 40
	Q1_0    Type = 41
	Q2_0    Type = 42
)

// Info is one row of the type table.
type Info struct {
	Type  Type
	Name  string
	Block int // values in a block
	Bytes int // bytes in a block
	Quant bool
}

// table lists every type by ascending id.
var table = []Info{
	{F32, "F32", 1, 4, false},
	{F16, "F16", 1, 2, false},
	{Q4_0, "Q4_0", 32, 18, true},
	{Q4_1, "Q4_1", 32, 20, true},
	{Q5_0, "Q5_0", 32, 22, true},
	{Q5_1, "Q5_1", 32, 24, true},
	{Q8_0, "Q8_0", 32, 34, true},
	{Q8_1, "Q8_1", 32, 36, true},
	{Q2_K, "Q2_K", 256, 84, true},
	{Q3_K, "Q3_K", 256, 110, true},
	{Q4_K, "Q4_K", 256, 144, true},
	{Q5_K, "Q5_K", 256, 176, true},
	{Q6_K, "Q6_K", 256, 210, true},
	{Q8_K, "Q8_K", 256, 292, true},
	{IQ2_XXS, "IQ2_XXS", 256, 66, true},
	{IQ2_XS, "IQ2_XS", 256, 74, true},
	{IQ3_XXS, "IQ3_XXS", 256, 98, true},
	{IQ1_S, "IQ1_S", 256, 50, true},
	{IQ4_NL, "IQ4_NL", 32, 18, true},
	{IQ3_S, "IQ3_S", 256, 110, true},
	{IQ2_S, "IQ2_S", 256, 82, true},
	{IQ4_XS, "IQ4_XS", 256, 136, true},
	{I8, "I8", 1, 1, false},
	{I16, "I16", 1, 2, false},
	{I32, "I32", 1, 4, false},
	{I64, "I64", 1, 8, false},
	{F64, "F64", 1, 8, false},
	{IQ1_M, "IQ1_M", 256, 56, true},
	{BF16, "BF16", 1, 2, false},
	{TQ1_0, "TQ1_0", 256, 54, true},
	{TQ2_0, "TQ2_0", 256, 66, true},
	{MXFP4, "MXFP4", 32, 17, true},
	{NVFP4, "NVFP4", 64, 36, true},
	{Q1_0, "Q1_0", 128, 18, true},
	{Q2_0, "Q2_0", 64, 18, true},
}

// Types returns the table, by ascending id. The caller must not change it.
func Types() []Info { return table }

// rows is the table by id.
var rows = func() (rows [Q2_0 + 1]*Info) {
	for i := range table {
		rows[table[i].Type] = &table[i]
	}
	return rows
}()

// Info returns the type's row and whether the type exists.
func (t Type) Info() (Info, bool) {
	if int(t) >= len(rows) || rows[t] == nil {
		return Info{}, false
	}
	return *rows[t], true
}

// String is the type's ggml name, or "type 99" for an unknown id.
func (t Type) String() string {
	if r, ok := t.Info(); ok {
		return r.Name
	}
	return "type " + strconv.FormatUint(uint64(t), 10)
}

// Quantized reports whether the type stores blocks with scales rather than plain numbers.
func (t Type) Quantized() bool { r, _ := t.Info(); return r.Quant }

// BlockLen is the number of values in a block, 0 for an unknown type.
func (t Type) BlockLen() int { r, _ := t.Info(); return r.Block }

// BlockBytes is the number of bytes in a block, 0 for an unknown type.
func (t Type) BlockBytes() int { r, _ := t.Info(); return r.Bytes }

// RowBytes is the size in bytes of a row of cols values: cols/Block*Bytes. It fails with ErrUnsupported when the
// type is unknown or cols is not a multiple of the block length.
func (t Type) RowBytes(cols int64) (int64, error) {
	r, ok := t.Info()
	if !ok {
		return 0, fmt.Errorf("%w: tensor %s", ErrUnsupported, t)
	}
	if cols < 0 || cols%int64(r.Block) != 0 {
		return 0, fmt.Errorf("%w: a row of %d values does not divide into %s blocks of %d", ErrUnsupported, cols, r.Name,
			r.Block)
	}
	return cols / int64(r.Block) * int64(r.Bytes), nil
}

// ParseType finds a type by its ggml name, in any case. The error names a type that is nearly so called.
func ParseType(name string) (Type, error) {
	names := make([]string, len(table))
	for i, r := range table {
		if strings.EqualFold(r.Name, name) {
			return r.Type, nil
		}
		names[i] = r.Name
	}
	return 0, fmt.Errorf("unknown tensor type %q%s", name, Suggest(name, names))
}
