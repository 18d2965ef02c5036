package probe_test

import (
	"context"
	"errors"
	"maps"
	"math/rand/v2"
	"slices"
	"testing"

	"bitmill/eval/infer"
	"bitmill/eval/kernel"
	"bitmill/formats"
	"bitmill/formats/block"
	"bitmill/formats/checkpoint"
	"bitmill/formats/checkpoint/checkpointtest"
	"bitmill/quantize/encode"
	"bitmill/quantize/probe"
)

// example is a model and windows of random tokens.
type example struct {
	*checkpoint.Checkpoint
	windows [][]int32
}

func open(t *testing.T, name string) *example {
	t.Helper()
	c, err := checkpoint.Open(checkpointtest.Load(t, name).Folder(t))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	x, rng := &example{Checkpoint: c}, rand.New(rand.NewPCG(1, 0))
	for range 4 {
		w := make([]int32, 48)
		for i := range w {
			w[i] = rng.Int32N(int32(c.Config.Vocab))
		}
		x.windows = append(x.windows, w)
	}
	return x
}

func (x *example) run(t *testing.T, threads int, o probe.Options) map[string]float64 {
	t.Helper()
	pool := infer.NewPool(threads)
	defer pool.Close()
	nats, err := probe.Run(context.Background(), pool, x.Checkpoint, x.windows, o)
	if err != nil {
		t.Fatal(err)
	}
	return nats
}

// Errors in every matrix of every kind of layer show, whatever the threads, and what is known is not measured again.
func TestRun(t *testing.T) {
	for _, name := range []string{"llama", "granite-tied", "gemma3n", "qwen3-moe", "deepseek-v2", "mamba2", "phi3"} {
		x := open(t, name)
		stored := map[string]float64{}
		nats := x.run(t, 1, probe.Options{Store: func(name string, v float64) error {
			stored[name] = v
			return nil
		}})
		for name, v := range nats {
			if !(v > 0) || v != stored[name] {
				t.Errorf("%s: %s: %g, stored %g", x.Config.Arch, name, v, stored[name])
			}
		}
		for i := range x.Tensors {
			switch n := &x.Tensors[i]; n.Name {
			case "token_embd.weight", "output.weight", "blk.0.ffn_down.weight", "blk.1.attn_v.weight", "blk.0.ffn_up_exps.weight":
				if nats[n.Name] == 0 {
					t.Errorf("%s: %s was not probed", x.Config.Arch, n.Name)
				}
			}
		}
		if len(nats) < 2*x.Config.Layers {
			t.Errorf("%s: only %d tensors", x.Config.Arch, len(nats))
		}
		delete(stored, "token_embd.weight")
		again := x.run(t, 3, probe.Options{Have: func(name string) (float64, bool) {
			v, ok := stored[name]
			return v, ok
		}, Store: func(name string, _ float64) error {
			if name != "token_embd.weight" {
				return errors.New("measured again")
			}
			return nil
		}})
		if !maps.Equal(nats, again) {
			t.Errorf("%s: %v, with three threads %v", x.Config.Arch, nats, again)
		}
	}
}

// The errors of another type of the encoder cause what a probe predicts.
func TestPrediction(t *testing.T) {
	x := open(t, "llama")
	nats := x.run(t, 2, probe.Options{Encoder: true})
	for _, name := range []string{"blk.0.ffn_up.weight", "blk.1.attn_v.weight", "output.weight"} {
		tensor, _ := x.Tensor(name)
		values, moved := make([]float32, tensor.Elements()), make([]float32, tensor.Elements())
		if err := tensor.Floats(values, 0, tensor.Rows()); err != nil {
			t.Fatal(err)
		}
		cols := int(tensor.Cols())
		size, err := formats.Q5_0.RowBytes(tensor.Cols())
		if err != nil {
			t.Fatal(err)
		}
		data := make([]byte, size*tensor.Rows())
		if err := encode.Encode(formats.Q5_0, data, values, cols, nil); err != nil {
			t.Fatal(err)
		}
		if err := block.Decode(formats.Q5_0, moved, data); err != nil {
			t.Fatal(err)
		}
		want := x.divergence(t, tensor, moved)
		got := nats[name] * block.SquaredError(values, moved, nil) / block.SquaredError(values, nil, nil)
		if !(got > want/1.5 && got < want*1.5) {
			t.Errorf("%s: %g nats, predicted %g", name, want, got)
		}
	}
}

// divergence is that of the model with other values of a matrix.
func (x *example) divergence(t *testing.T, tensor *checkpoint.Tensor, values []float32) (total float64) {
	t.Helper()
	pool := infer.NewPool(2)
	defer pool.Close()
	m, err := infer.Load(x.Checkpoint)
	if err != nil {
		t.Fatal(err)
	}
	r, set := infer.NewRunner(pool, infer.Options{}), kernel.Best()
	var seqs []infer.Sequence
	for _, w := range x.windows {
		seqs = append(seqs, infer.Sequence{Tokens: w})
	}
	full, err := r.Forward(m, seqs)
	if err != nil {
		t.Fatal(err)
	}
	full = slices.Clone(full)
	size, err := tensor.Type.RowBytes(tensor.Cols())
	if err != nil {
		t.Fatal(err)
	}
	data := make([]byte, size*tensor.Rows())
	if err := encode.Encode(tensor.Type, data, values, int(tensor.Cols()), nil); err != nil {
		t.Fatal(err)
	}
	if err := m.Replace(tensor.Name, 0, data); err != nil {
		t.Fatal(err)
	}
	logits, err := r.Forward(m, seqs)
	if err != nil {
		t.Fatal(err)
	}
	n := x.Config.Vocab
	for at := 0; at < len(full); at += n {
		p, q := full[at:at+n], logits[at:at+n]
		total += set.KLDivergence(p, q, set.LogSumExp(p), set.LogSumExp(q)) * float64(n) / float64(len(full))
	}
	return total
}

// Types are chosen by the results, so they are the same to the last bit with all sets of kernels.
func TestAllSets(t *testing.T) {
	for _, name := range []string{"granite-tied", "qwen3-moe"} {
		x := open(t, name)
		for _, encoder := range []bool{false, true} {
			var want map[string]float64
			for _, set := range kernel.Available() {
				got := x.run(t, 2, probe.Options{Kernel: set, Encoder: encoder})
				if want == nil {
					want = got
				}
				if !maps.Equal(got, want) {
					t.Errorf("%s, encoder %v: %s: %v, want %v", name, encoder, set.Name, got, want)
				}
			}
		}
	}
}
