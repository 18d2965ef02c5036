package quantize

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"reflect"
	"testing"

	"bitmill/formats"
	"bitmill/formats/checkpoint"
	"bitmill/formats/imatrix"
)

// evenImatrix has weights for every matrix of a model but its tables.
func evenImatrix(c *checkpoint.Checkpoint) *imatrix.Matrix {
	m := &imatrix.Matrix{Datasets: []string{"even"}, Windows: 1, WindowSize: 512}
	for i := range c.Tensors {
		t := &c.Tensors[i]
		if len(t.Shape) < 2 || roleOf(t.Name) == Embedding {
			continue
		}
		sums := make([]float32, t.Cols())
		for j := range sums {
			sums[j] = 1 + float32(j%7)
		}
		m.Entries = append(m.Entries, imatrix.Entry{Name: t.Name, SumSquares: sums, Counts: []float32{1}})
	}
	return m
}

func targetPlan(t *testing.T, c *checkpoint.Checkpoint, m *imatrix.Matrix, o Options, target Target, threads int) *Plan {
	t.Helper()
	p, err := NewTargetPlan(context.Background(), c, m, o, target, checkpoint.Pass{Threads: threads})
	if err != nil {
		t.Fatalf("%v: %v", target, err)
	}
	return p
}

// Every size between the least and the most is met from below, nearly, with and without weights, and costs what the
// plan says.
func TestTargetIsMet(t *testing.T) {
	c := openCase(t, "llama")
	for _, m := range []*imatrix.Matrix{nil, evenImatrix(c)} {
		least, most := bounds(t, c, m)
		largest := int64(0)
		for i := range least.Tensors {
			largest = max(largest, most.Tensors[i].Size-least.Tensors[i].Size)
		}
		for _, share := range []int{2, 7, 4} {
			target := Target{Bytes: least.FileBytes + (most.FileBytes-least.FileBytes)*int64(share)/10}
			p := targetPlan(t, c, m, Options{}, target, 2)
			if p.FileBytes > target.Bytes || p.FileBytes < target.Bytes-largest {
				t.Errorf("%v: planned %d bytes", target, p.FileBytes)
			}
			if share != 4 {
				continue
			}
			bits := Target{BPW: float64(p.PayloadBits) / float64(p.Parameters)}
			if same := targetPlan(t, c, m, Options{Format: p.Format.Name}, bits, 1); same.PayloadBits > p.PayloadBits {
				t.Errorf("%v: %d bits, more than %d", bits, same.PayloadBits, p.PayloadBits)
			}
			written, err := Write(context.Background(), c, m, []Artifact{{Plan: p, Path: t.TempDir() + "/a.gguf"}}, WriteOptions{})
			if err != nil || written[0].Bytes != p.FileBytes {
				t.Errorf("%v, %v: planned %d bytes", written, err, p.FileBytes)
			}
		}
	}
}

// bounds plans the smallest and the largest artifact, by asking for what cannot be.
func bounds(t *testing.T, c *checkpoint.Checkpoint, m *imatrix.Matrix) (least, most *Plan) {
	t.Helper()
	var no *UnreachableError
	for _, target := range []Target{{BPW: 0.5}, {Bytes: 1 << 40}} {
		if _, err := NewTargetPlan(context.Background(), c, m, Options{}, target, checkpoint.Pass{}); !errors.As(err, &no) {
			t.Fatalf("%v: %v", target, err)
		}
	}
	least = targetPlan(t, c, m, Options{Format: "Q2_K"}, Target{Bytes: no.LeastBytes}, 1)
	most = targetPlan(t, c, m, Options{Format: "Q8_0"}, Target{Bytes: no.MostBytes}, 1)
	if least.FileBytes != no.LeastBytes || most.FileBytes != no.MostBytes || least.BPW() != no.Least || most.BPW() != no.Most {
		t.Errorf("%v, but %d and %d bytes were planned", no, least.FileBytes, most.FileBytes)
	}
	return least, most
}

// The choice is a function of its inputs, leaves alone what the options name, and grows with the target.
func TestTargetChoices(t *testing.T) {
	c := openCase(t, "llama")
	m := evenImatrix(c)
	o := Options{Format: "Q4_K_M", TensorTypes: []string{"blk.0.ffn_down=q8_0"}, OutputType: "q6_k"}
	target := Target{BPW: 5}
	a, b := targetPlan(t, c, m, o, target, 1), targetPlan(t, c, m, o, target, 5)
	free := 0
	for i := range a.Tensors {
		x, y := a.Tensors[i], b.Tensors[i]
		if x.Type != y.Type {
			t.Errorf("%s: %s with one thread, %s with five", x.Name, x.Type, y.Type)
		}
		switch {
		case x.Name == "blk.0.ffn_down.weight" && (x.Type != formats.Q8_0 || x.Reason != "override"),
			x.Name == "output.weight" && (x.Type != formats.Q6_K || x.Reason != "output type"),
			len(x.Shape) == 1 && x.Reason != "kept":
			t.Errorf("%s: %s because of %s", x.Name, x.Type, x.Reason)
		case x.Reason == "target":
			free++
		}
	}
	if free == 0 {
		t.Error("nothing was chosen")
	}
	if _, err := NewTargetPlan(context.Background(), c, m, Options{Pure: true, Format: "Q4_K"}, target, checkpoint.Pass{}); err == nil {
		t.Error("--pure leaves nothing to choose")
	}
}

// fill takes the best step per byte, and does not stop at the first that does not fit.
func TestFill(t *testing.T) {
	list := func() []choice {
		return []choice{
			{name: "a", options: []option{{bytes: 10, err: 1}, {bytes: 20, err: 0.5}, {bytes: 40, err: 0.41}}},
			{name: "b", options: []option{{bytes: 100, err: 1}, {bytes: 120, err: 0.9}, {bytes: 200, err: 0}}},
			{name: "c", options: []option{{bytes: 5, err: 0}, {bytes: 6, err: 0}}}, // nothing to gain
		}
	}
	for room, want := range map[int64]string{0: "0 0 0", 9: "0 0 0", 10: "1 0 0", 29: "1 0 0", 30: "1 1 0", 40: "1 1 0", 109: "2 1 0", 110: "1 2 0", 129: "1 2 0", 130: "2 2 0", 1000: "2 2 0"} {
		l := list()
		fill(l, room)
		if got := fmt.Sprint(l[0].at, l[1].at, l[2].at); got != want {
			t.Errorf("room %d: %s, want %s", room, got, want)
		}
	}
}

// TestMixer: a mixer plans as NewTargetPlan does, and measures once; its bounds are what an unreachable target names.
func TestMixer(t *testing.T) {
	c := openCase(t, "llama")
	m := evenImatrix(c)
	passes := 0
	how := checkpoint.Pass{Threads: 2, Progress: func(done, total int64) {
		if done == total {
			passes++
		}
	}}
	x := NewMixer(c, m, Options{}, how)
	for _, target := range []Target{{BPW: 4}, {BPW: 3.2}, {Bytes: 700_000}, {BPW: 6}} {
		got, err := x.Plan(context.Background(), target)
		if err != nil {
			t.Fatalf("%v: %v", target, err)
		}
		want := targetPlan(t, c, m, Options{}, target, 1)
		for i := range want.Tensors {
			if got.Tensors[i].Type != want.Tensors[i].Type {
				t.Errorf("%v: %s is %s, not %s", target, want.Tensors[i].Name, got.Tensors[i].Type, want.Tensors[i].Type)
			}
		}
	}
	if passes != 1 {
		t.Errorf("the errors of types were measured %d times", passes)
	}
	data, err := json.Marshal(x.Measured())
	if err != nil {
		t.Fatal(err)
	}
	var errs TypeErrors
	if err := json.Unmarshal(data, &errs); err != nil {
		t.Fatal(err)
	}
	again := NewMixer(c, m, Options{}, how)
	again.Use(errs)
	for _, bpw := range []float64{3.2, 5.5} {
		got, err := again.Plan(context.Background(), Target{BPW: bpw})
		want, wrong := x.Plan(context.Background(), Target{BPW: bpw})
		if err != nil || wrong != nil || !reflect.DeepEqual(got.Mix(), want.Mix()) {
			t.Errorf("%v bits per weight with kept errors: %v, %v", bpw, err, wrong)
		}
	}
	if passes != 1 {
		t.Errorf("with kept errors, types were measured again")
	}
	least, most, err := x.Bounds()
	var no *UnreachableError
	if _, got := x.Plan(context.Background(), Target{BPW: 0.5}); err != nil || !errors.As(got, &no) ||
		no.LeastBytes != least.FileBytes || no.MostBytes != most.FileBytes {
		t.Errorf("%v; %v, but the bounds are %d and %d bytes", err, got, least.FileBytes, most.FileBytes)
	}
}
