package cli

import (
	"context"
	"fmt"
	"math"
	"reflect"
	"strings"

	"github.com/urfave/cli/v2"

	"bitmill/eval/diff"
	"bitmill/formats"
	"bitmill/formats/checkpoint"
	"bitmill/formats/gguf"
)

func diffCommand() *cli.Command {
	return &cli.Command{
		Name:      "diff",
		Usage:     "show what differs between two models: metadata, types, bytes, values",
		ArgsUsage: "A B",
		Description: `A and B are GGUF files, first shards, or Hugging Face folders (seen as llama.cpp's converter
would write them). A line starts with - for what only A has, + for what only B has, ~ for what both have and differs.
Tensors that differ are compared by value: the largest |a-b|, its root mean square relative to that of A, and the
cosine. How a model is split into shards (metadata keys split.*) does not count as a difference.

Exit code 0 means that nothing differs, 3 that something does.`,
		Action: arguments(2, 2, "A B").action(func(c *cli.Context, e env, args []string) error {
			return runDiff(c.Context, e, args[0], args[1])
		}),
	}
}

func runDiff(ctx context.Context, e env, pathA, pathB string) error {
	a, err := openModel(pathA)
	if err != nil {
		return err
	}
	defer a.Close()
	b, err := openModel(pathB)
	if err != nil {
		return err
	}
	defer b.Close()
	bar := e.Events.Begin("diff", "values")
	d, err := diff.Models(ctx, a, b, checkpoint.Pass{Threads: e.Threads, Progress: bar.Set})
	if err != nil {
		return err
	}
	bar.Done()
	if e.json {
		err = e.printJSON(newDiffResult(pathA, pathB, d))
	} else {
		err = printDiff(e, a, b, d)
	}
	if err != nil || d.Equal() {
		return err
	}
	return incompleteError{fmt.Errorf("%s and %s differ: %s", pathA, pathB, countDifferences(d))}
}

// countDifferences summarizes the differences.
func countDifferences(d *diff.Difference) string {
	var parts []string
	add := func(n int, what string) {
		if n > 0 {
			parts = append(parts, formats.Several(n, what))
		}
	}
	add(len(d.KeysOnlyA)+len(d.KeysOnlyB)+len(d.KeysDiffer), "metadata key")
	add(len(d.TensorsOnlyA)+len(d.TensorsOnlyB)+len(d.TensorsDiffer), "tensor")
	if d.KeyOrder != nil {
		parts = append(parts, "the order of the keys")
	}
	if d.TensorOrder != nil {
		parts = append(parts, "the order of the tensors")
	}
	return strings.Join(parts, ", ")
}

func printDiff(e env, a, b *checkpoint.Checkpoint, d *diff.Difference) error {
	only := func(sign string, m *gguf.Metadata, keys []string) {
		for _, k := range keys {
			v, _ := m.Get(k)
			fmt.Fprintf(e.stdout, "%s %s = %s\n", sign, formats.OneLine(k), shorten(v))
		}
	}
	only("-", a.Metadata, d.KeysOnlyA)
	only("+", b.Metadata, d.KeysOnlyB)
	for _, k := range d.KeysDiffer {
		fmt.Fprintf(e.stdout, "~ %s: %s\n", formats.OneLine(k.Name), change(k))
	}
	if s := d.KeyOrder; s != nil {
		fmt.Fprintf(e.stdout, "~ order of the metadata keys: at %d %s, %s\n", s.At, formats.OneLine(s.A), formats.OneLine(s.B))
	}
	tensors := func(sign string, c *checkpoint.Checkpoint, names []string) {
		for _, n := range names {
			t, _ := c.Tensor(n)
			fmt.Fprintf(e.stdout, "%s tensor %s: %s %v\n", sign, formats.OneLine(n), t.Type, t.Shape)
		}
	}
	tensors("-", a, d.TensorsOnlyA)
	tensors("+", b, d.TensorsOnlyB)
	for i := range d.TensorsDiffer {
		fmt.Fprintf(e.stdout, "~ tensor %s: %s\n", formats.OneLine(d.TensorsDiffer[i].Name), tensorChange(&d.TensorsDiffer[i]))
	}
	if s := d.TensorOrder; s != nil {
		fmt.Fprintf(e.stdout, "~ order of the tensors: at %d %s, %s\n", s.At, formats.OneLine(s.A), formats.OneLine(s.B))
	}
	if !d.Equal() {
		return nil
	}
	_, err := fmt.Fprintf(e.stdout, "equal: %d metadata keys, %d tensors\n", d.Keys, d.Tensors)
	return err
}

// change prints both values of a key: of long arrays the first element that differs.
func change(k diff.Key) string {
	a, b := reflect.ValueOf(k.A), reflect.ValueOf(k.B)
	if k.At < 0 || a.Len() <= 8 && b.Len() <= 8 {
		sa, sb := shorten(k.A), shorten(k.B)
		if ta, tb := gguf.TypeName(k.A), gguf.TypeName(k.B); ta != tb {
			sa, sb = ta+" "+sa, tb+" "+sb
		}
		return sa + " -> " + sb
	}
	element := func(v reflect.Value) string {
		if k.At >= v.Len() {
			return "nothing"
		}
		return shorten(v.Index(k.At).Interface())
	}
	return fmt.Sprintf("%d -> %d values, from element %d on: %s -> %s", a.Len(), b.Len(), k.At, element(a), element(b))
}

func tensorChange(t *diff.Tensor) string {
	var parts []string
	if t.Shape {
		parts = append(parts, fmt.Sprintf("shape %v -> %v", t.A.Shape, t.B.Shape))
	}
	if t.A.Type != t.B.Type {
		parts = append(parts, fmt.Sprintf("%s -> %s", t.A.Type, t.B.Type))
	}
	if t.Bytes {
		parts = append(parts, fmt.Sprintf("%s bytes differ", t.A.Type))
	}
	v := t.Value
	switch {
	case t.Shape:
	case !v.Known:
		parts = append(parts, "values not compared")
	case v.Differing == 0:
		parts = append(parts, "the same values")
	default:
		parts = append(parts, fmt.Sprintf("%d of %d values differ, max |a-b| %.4g, RMSE %s of A's RMS, cosine %.6f",
			v.Differing, t.A.Elements(), v.MaxAbs, percent(v.Relative), v.Cosine))
	}
	if v.NotFinite > 0 {
		parts = append(parts, fmt.Sprintf("%d pairs with NaN or infinity", v.NotFinite))
	}
	return strings.Join(parts, ", ")
}

func percent(x float64) string {
	if math.IsNaN(x) {
		return "undefined"
	}
	return fmt.Sprintf("%.3g %%", 100*x)
}
