package gguf

import (
	"errors"
	"fmt"
	"math"

	"bitmill/formats"
)

// SplitOptions says where to split a model into shards. The cuts are those of llama-gguf-split.
type SplitOptions struct {
	MaxTensors int   // tensors per shard; 0: DefaultMaxTensors, or no limit when MaxBytes is set
	MaxBytes   int64 // bytes of tensor data per shard, each tensor padded to 32, headers not counted; 0: no limit
	BareFirst  bool  // the first shard holds the metadata and no tensor
}

// DefaultMaxTensors is the limit of a split without options.
const DefaultMaxTensors = 128

// PlannedShard is one shard of a split that has not been written.
type PlannedShard struct {
	Metadata *Metadata // of the first shard the model's; of the others only the split.* keys
	First    int       // position of its first tensor in the model
	Tensors  []formats.Tensor
	Layout   *Layout
}

// Split plans the shards of a model. The shards carry llama.cpp's keys split.no, split.tensors.count and split.count,
// in this order behind all others; keys of these names in m are replaced.
func Split(m *Metadata, tensors []formats.Tensor, o SplitOptions) ([]PlannedShard, error) {
	if o.MaxTensors < 0 || o.MaxBytes < 0 {
		return nil, errors.New("split: a limit below zero")
	}
	if o.MaxTensors > 0 && o.MaxBytes > 0 {
		return nil, errors.New("split: a limit on bytes or one on tensors, not both")
	}
	if len(tensors) > math.MaxInt32 {
		return nil, fmt.Errorf("split: %d tensors are more than %s can count", len(tensors), KeySplitTensors)
	}
	starts, err := cuts(tensors, o)
	if err != nil {
		return nil, err
	}
	if len(starts) > maxShards {
		return nil, fmt.Errorf("split: %d shards; at most %d are possible: raise the limit", len(starts), maxShards)
	}
	shards := make([]PlannedShard, len(starts))
	for i, first := range starts {
		end := len(tensors)
		if i+1 < len(starts) {
			end = starts[i+1]
		}
		p := PlannedShard{Metadata: &Metadata{}, First: first, Tensors: tensors[first:end]}
		if i == 0 {
			p.Metadata = m.Clone()
		}
		move(p.Metadata, KeySplitNo, uint16(i))
		move(p.Metadata, KeySplitTensors, int32(len(tensors)))
		move(p.Metadata, KeySplitCount, uint16(len(starts)))
		if p.Layout, err = NewLayout(p.Metadata, p.Tensors); err != nil {
			return nil, err
		}
		shards[i] = p
	}
	return shards, nil
}

// cuts lists the position of the first tensor of each shard.
func cuts(tensors []formats.Tensor, o SplitOptions) ([]int, error) {
	if o.MaxBytes == 0 && o.MaxTensors == 0 {
		o.MaxTensors = DefaultMaxTensors
	}
	starts := []int{0}
	if o.BareFirst {
		starts = append(starts, 0)
	}
	var filled int64
	for i, t := range tensors {
		size, err := sizeOf(t)
		if err != nil {
			return nil, fmt.Errorf("tensor %s: %w", t.Name, err)
		}
		size = roundUp(size, defaultAlignment)
		filled += size
		switch {
		case o.MaxBytes > 0 && filled > o.MaxBytes && i == 0:
			return nil, fmt.Errorf("tensor %s takes %d bytes, more than the %d allowed for a shard: raise the limit", t.Name,
				size, o.MaxBytes)
		case o.MaxBytes > 0 && filled > o.MaxBytes, o.MaxTensors > 0 && i > 0 && i%o.MaxTensors == 0:
			starts = append(starts, i)
			filled = size
		}
	}
	return starts, nil
}

// Oversized names the tensors that alone are larger than a limit on the bytes of a shard: each gets a shard of its own.
func Oversized(tensors []formats.Tensor, limit int64) (names []string) {
	for _, t := range tensors {
		if size, err := sizeOf(t); limit > 0 && err == nil && roundUp(size, defaultAlignment) > limit {
			names = append(names, t.Name)
		}
	}
	return names
}

// Merged is the metadata of the file that shards are merged into: the first shard's with split.count set to 0, as
// llama-gguf-split leaves it.
func Merged(m *Metadata) (*Metadata, error) {
	v, ok, err := m.Uint(KeySplitCount)
	switch {
	case err != nil:
		return nil, err
	case !ok || v == 0:
		return nil, errors.New("it is not a shard of a split model, so there is nothing to merge")
	}
	m = m.Clone()
	move(m, KeySplitCount, uint16(0))
	return m, nil
}

// move sets a key as ggml does: behind all others.
func move(m *Metadata, key string, v any) {
	m.Delete(key)
	m.Set(key, v)
}
