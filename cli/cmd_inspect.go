package cli

import (
	"context"
	"fmt"
	"text/tabwriter"

	"github.com/urfave/cli/v2"

	"bitmill/cli/pipeline"
	"bitmill/eval/verify"
	"bitmill/formats"
	"bitmill/formats/checkpoint"
	"bitmill/formats/gguf"
)

func inspectCommand() *cli.Command {
	return &cli.Command{
		Name:      "inspect",
		Usage:     "show a model's metadata, tensors and exact bits per weight",
		ArgsUsage: "MODEL",
		Flags: []cli.Flag{
			&cli.BoolFlag{Name: "hash", Usage: "also hash every tensor's data (SHA-256)"},
		},
		Action: arguments(1, 1, "MODEL").action(func(c *cli.Context, e env, args []string) error {
			return runInspect(c.Context, e, args[0], c.Bool("hash"))
		}),
	}
}

type inspection struct {
	Metadata    *gguf.Metadata `json:"metadata"`
	Parameters  int64          `json:"parameters"`
	PayloadBits int64          `json:"payload_bits"`
	FileBytes   int64          `json:"file_bytes"`
	BPW         string         `json:"bpw"`
	MatrixBPW   string         `json:"matrix_bpw"`
	Tensors     []tensorRow    `json:"tensors"`
}

type tensorRow struct {
	Name   string  `json:"name"`
	Type   string  `json:"type"`
	Shape  []int64 `json:"shape"`
	Bytes  int64   `json:"bytes"`
	SHA256 string  `json:"sha256,omitempty"`
}

func runInspect(ctx context.Context, e env, path string, hash bool) error {
	open := openForPlan // headers are enough
	if hash {
		open = func(path string, o checkpoint.OpenOptions) (*checkpoint.Checkpoint, error) { return openModel(path) }
	}
	c, err := open(path, readable)
	if err != nil {
		return err
	}
	defer c.Close()
	s := &pipeline.Model{Checkpoint: c}
	sum, err := s.Summary()
	if err != nil {
		return err
	}
	in := inspection{Metadata: c.Metadata, Parameters: sum.All.Weights, PayloadBits: sum.All.Bits,
		BPW: sum.All.String(), MatrixBPW: sum.Matrices.String()}
	if in.FileBytes, err = s.FileBytes(); err != nil {
		return err
	}
	var hashes []verify.Hash
	if hash {
		if hashes, err = verify.Hashes(ctx, c, checkpoint.Pass{Threads: e.Threads}); err != nil {
			return err
		}
	}
	for i := range c.Tensors {
		t := &c.Tensors[i]
		size, err := t.Tensor.Bytes()
		if err != nil {
			return err
		}
		row := tensorRow{Name: t.Name, Type: t.Type.String(), Shape: t.Shape, Bytes: size}
		if hash {
			row.SHA256 = hashes[i].SHA256
		}
		in.Tensors = append(in.Tensors, row)
	}
	if e.json {
		return e.printJSON(in)
	}
	return printInspection(e, in)
}

func printInspection(e env, in inspection) error {
	for _, k := range in.Metadata.Keys() {
		v, _ := in.Metadata.Get(k)
		fmt.Fprintf(e.stdout, "%s = %s\n", formats.OneLine(k), shorten(v))
	}
	w := tabwriter.NewWriter(e.stdout, 0, 0, 2, ' ', 0)
	for _, t := range in.Tensors {
		fmt.Fprintf(w, "%s\t%s\t%v\t%d bytes\t%s\n", formats.OneLine(t.Name), t.Type, t.Shape, t.Bytes, t.SHA256)
	}
	if err := w.Flush(); err != nil {
		return err
	}
	_, err := fmt.Fprintf(e.stdout,
		"%d parameters, %d payload bits: %s bits per weight (matrices only %s); %d bytes on disk\n",
		in.Parameters, in.PayloadBits, in.BPW, in.MatrixBPW, in.FileBytes)
	return err
}
