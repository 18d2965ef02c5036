package checkpointtest

import (
	"bytes"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"math"
	"testing"
)

// Raw is a tensor as a safetensors file stores it.
type Raw struct {
	Name, DType string // DType: F32, F16, BF16 ...
	Shape       []int64
	Data        []byte
}

// Raws returns the case's tensors in file order.
func (c *Case) Raws() []Raw {
	var raws []Raw
	for _, name := range c.TensorNames() {
		if c.DTypes[name] == "U8" {
			raws = append(raws, Raw{name, "U8", c.Shapes[name], Bytes(name, c.Shapes[name])})
			continue
		}
		raws = append(raws, Raw{name, "BF16", c.Shapes[name], bf16(Weights(name, c.Shapes[name]))})
	}
	return raws
}

// Safetensors returns the case's model.safetensors, laid out as the safetensors library does.
func (c *Case) Safetensors(t testing.TB) []byte {
	t.Helper()
	return Safetensors(t, c.Raws())
}

// Safetensors lays out a file: the header's length in 8 bytes, the header (JSON, padded with spaces to 8 bytes), the
// data of the tensors one after the other. It is written apart from package safetensors, which tests read it with.
func Safetensors(t testing.TB, tensors []Raw) []byte {
	t.Helper()
	var head, data bytes.Buffer
	head.WriteString(`{"__metadata__":{"format":"pt"}`)
	for _, r := range tensors {
		name, err := json.Marshal(r.Name)
		if err != nil {
			t.Fatal(err)
		}
		shape, err := json.Marshal(r.Shape)
		if err != nil {
			t.Fatal(err)
		}
		fmt.Fprintf(&head, `,%s:{"dtype":%q,"shape":%s,"data_offsets":[%d,%d]}`, name, r.DType, shape, data.Len(),
			data.Len()+len(r.Data))
		data.Write(r.Data)
	}
	head.WriteByte('}')
	for head.Len()%8 != 0 {
		head.WriteByte(' ')
	}
	out := binary.LittleEndian.AppendUint64(nil, uint64(head.Len()))
	return append(append(out, head.Bytes()...), data.Bytes()...)
}

// bf16 stores values that are bfloat16 already.
func bf16(values []float32) []byte {
	out := make([]byte, 0, 2*len(values))
	for _, v := range values {
		out = binary.LittleEndian.AppendUint16(out, uint16(math.Float32bits(v)>>16))
	}
	return out
}
