package verify

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"sync"

	"bitmill/formats/block"
	"bitmill/formats/checkpoint"
	"bitmill/formats/file"
)

// data reads all tensors, each in one goroutine, front to back.
func (r *Result) data(ctx context.Context, c *checkpoint.Checkpoint, o Options) error {
	found := make([]tensorResult, len(c.Tensors))
	total := int64(0)
	for i := range c.Tensors {
		size, err := c.Tensors[i].Tensor.Bytes()
		if err != nil {
			return err
		}
		total += size
	}
	buffers := sync.Pool{New: func() any { return new([]byte) }}
	err := o.Each(ctx, len(c.Tensors), total, func(ctx context.Context, i int, report func(int64)) (err error) {
		buf := buffers.Get().(*[]byte)
		defer buffers.Put(buf)
		found[i], err = readTensor(ctx, &c.Tensors[i], buf, o.Hash, report)
		return err
	})
	if err != nil {
		return err
	}
	for i, f := range found {
		name := c.Tensors[i].Name
		if f.bad > 0 {
			r.Problems = append(r.Problems, Problem{name, f.text(&c.Tensors[i])})
		}
		if o.Hash {
			r.Hashes = append(r.Hashes, Hash{name, f.sha256})
		}
	}
	r.Bytes = total
	return nil
}

// tensorResult is the finding in one tensor.
type tensorResult struct {
	sha256     string
	first, bad int64 // the first block that is not finite, and their number
}

func (f tensorResult) text(t *checkpoint.Tensor) string {
	length := int64(t.Type.BlockLen())
	at := f.first * length
	row, column := at/max(t.Cols(), 1), at%max(t.Cols(), 1)
	if length == 1 {
		return fmt.Sprintf("the value in row %d, column %d is NaN or infinite; %d of %d values are", row, column, f.bad,
			t.Elements())
	}
	return fmt.Sprintf("the scale of the %s block in row %d, columns %d to %d is NaN or infinite; "+
		"%d of %d blocks have such a scale",
		t.Type, row, column, column+length-1, f.bad, t.Elements()/length)
}

// readTensor reads a tensor front to back.
func readTensor(ctx context.Context, t *checkpoint.Tensor, buf *[]byte, hash bool,
	report func(int64)) (f tensorResult, err error) {
	sum := sha256.New()
	step, length, size := t.ChunkLen(nil), int64(t.Type.BlockLen()), t.Type.BlockBytes()
	for first := int64(0); first < t.Elements(); first += step {
		if err := ctx.Err(); err != nil {
			return f, err
		}
		data, err := t.Chunk(buf, first, min(step, t.Elements()-first))
		if err != nil {
			return f, err
		}
		if hash {
			sum.Write(data)
		}
		for rest, block0 := data, first/length; len(rest) > 0; {
			i := block.NotFinite(t.Type, rest)
			if i < 0 {
				break
			}
			if f.bad == 0 {
				f.first = block0 + int64(i)
			}
			f.bad++
			rest, block0 = rest[(i+1)*size:], block0+int64(i)+1
		}
		file.Release(data)
		report(int64(len(data)))
	}
	t.Release(0, t.Rows())
	if hash {
		f.sha256 = hex.EncodeToString(sum.Sum(nil))
	}
	return f, nil
}
