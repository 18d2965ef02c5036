package quantize

import (
	"cmp"
	"errors"
	"slices"

	"bitmill/formats/checkpoint"
	"bitmill/formats/gguf"
)

// shardOrder lists the tensors shard after shard, in their order within each: llama-quantize's order for --keep-split,
// on which its rules count.
func shardOrder(tensors []checkpoint.Tensor) []int {
	order := make([]int, len(tensors))
	for i := range order {
		order[i] = i
	}
	slices.SortStableFunc(order, func(a, b int) int { return cmp.Compare(tensors[a].Shard, tensors[b].Shard) })
	return order
}

// split divides the plan into files, if the options say so, and counts their bytes.
func (p *Plan) split(c *checkpoint.Checkpoint) (err error) {
	switch o := p.Options; {
	case o.KeepSplit && o.SplitBytes != 0:
		return errors.New("give --keep-split or --split-max-size, not both")
	case o.KeepSplit:
		p.Shards, err = p.sourceShards(c)
	case o.SplitBytes != 0:
		p.Shards, err = gguf.Split(p.Metadata, p.GGUFTensors(), gguf.SplitOptions{MaxBytes: o.SplitBytes})
		for _, name := range gguf.Oversized(p.GGUFTensors(), o.SplitBytes) {
			p.Warnings = append(p.Warnings, "tensor "+name+" is larger than the limit of a shard, and so is its shard")
		}
	default:
		return nil
	}
	p.FileBytes = 0
	for _, s := range p.Shards {
		p.FileBytes += s.Layout.FileBytes
	}
	return err
}

// sourceShards plans one shard for every shard of the source, with llama-quantize's metadata: all of it in the first,
// the split.* keys in each, unless there is only one.
func (p *Plan) sourceShards(c *checkpoint.Checkpoint) ([]gguf.PlannedShard, error) {
	tensors := p.GGUFTensors()
	count := 1
	for i := range c.Tensors {
		count = max(count, c.Tensors[i].Shard+1)
	}
	list := make([]gguf.PlannedShard, count)
	next := 0
	for i := range list {
		first := next
		for next < len(tensors) && c.Tensors[p.Tensors[next].index].Shard == i {
			next++
		}
		s := gguf.PlannedShard{Metadata: &gguf.Metadata{}, First: first, Tensors: tensors[first:next]}
		if i == 0 {
			s.Metadata = p.Metadata.Clone()
		}
		if count > 1 {
			s.Metadata.Set(gguf.KeySplitNo, uint16(i))
			s.Metadata.Set(gguf.KeySplitCount, uint16(count))
			s.Metadata.Set(gguf.KeySplitTensors, int32(len(tensors)))
		}
		var err error
		if s.Layout, err = gguf.NewLayout(s.Metadata, s.Tensors); err != nil {
			return nil, err
		}
		list[i] = s
	}
	return list, nil
}
