package cli

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"text/tabwriter"

	"github.com/urfave/cli/v2"

	"bitmill/formats/checkpoint"
	"bitmill/formats/stats"
	"bitmill/quantize"
)

// recipeFlags are the flags that shape a plan, shared by plan, quantize and run.
func recipeFlags() []cli.Flag {
	return []cli.Flag{
		&cli.BoolFlag{Name: "pure", Usage: "the format's default type for every matrix"},
		&cli.StringSliceFlag{Name: "tensor-type", Usage: "`RE=TYPE`: a type for the tensors whose name matches; the first match wins"},
		&cli.StringFlag{Name: "output-tensor-type", Usage: "`TYPE` of the output matrix"},
		&cli.StringFlag{Name: "token-embedding-type", Usage: "`TYPE` of the token embedding"},
		&cli.BoolFlag{Name: "leave-output-tensor", Usage: "keep the output matrix as it is"},
		&cli.BoolFlag{Name: "allow-requantize", Usage: "accept a source that is quantized already"},
		&cli.BoolFlag{Name: "strict", Usage: "fail where a type does not fit a tensor's shape, instead of falling back"},
	}
}

func recipeOptions(c *cli.Context) quantize.Options {
	return quantize.Options{
		Pure: c.Bool("pure"), TensorTypes: c.StringSlice("tensor-type"), OutputType: c.String("output-tensor-type"),
		EmbeddingType: c.String("token-embedding-type"), LeaveOutput: c.Bool("leave-output-tensor"), AllowRequantize: c.Bool("allow-requantize"),
	}
}

// formatNames reads a --formats list; empty means the seven headline formats, "all" every format.
func formatNames(list string) ([]string, error) {
	switch strings.ToLower(strings.TrimSpace(list)) {
	case "":
		return quantize.Headline(), nil
	case "all":
		var names []string
		for _, f := range quantize.Formats() {
			names = append(names, f.Name)
		}
		return names, nil
	}
	var names []string
	for _, n := range strings.Split(list, ",") {
		f, err := quantize.ParseFormat(strings.TrimSpace(n))
		if err != nil {
			return nil, err
		}
		names = append(names, f.Name)
	}
	return names, nil
}

func planCommand() *cli.Command {
	return &cli.Command{
		Name:      "plan",
		Usage:     "exact bytes and bits per weight of every tensor, before anything is written",
		ArgsUsage: "MODEL|config.json",
		Flags: append([]cli.Flag{
			&cli.StringFlag{Name: "formats", Aliases: []string{"f", "format"}, Usage: "comma-separated `FORMATS` or all (default: the seven headline formats)"},
			&cli.StringFlag{Name: "imatrix", Usage: "importance matrix `FILE` (some mixes depend on having one)"},
			&cli.BoolFlag{Name: "tensors", Usage: "list every tensor"},
		}, recipeFlags()...),
		Action: func(c *cli.Context) error {
			args, err := arguments(c, 1, 1, "MODEL -f FORMATS")
			if err != nil {
				return err
			}
			names, err := formatNames(c.String("formats"))
			if err != nil {
				return err
			}
			return runPlan(newEnv(c), args[0], names, c.String("imatrix"), c.Bool("tensors"), c.Bool("strict"), recipeOptions(c))
		},
	}
}

type planRow struct {
	Format      string          `json:"format"`
	Parameters  int64           `json:"parameters"`
	PayloadBits int64           `json:"payload_bits"`
	BPW         string          `json:"bpw"`
	FileBytes   int64           `json:"file_bytes"`
	Fallbacks   int             `json:"fallbacks"`
	Warnings    []string        `json:"warnings,omitempty"`
	Tensors     []plannedTensor `json:"tensors"`
}

type plannedTensor struct {
	Name   string  `json:"name"`
	Type   string  `json:"type"`
	Shape  []int64 `json:"shape"`
	Bytes  int64   `json:"bytes"`
	Reason string  `json:"reason"`
}

func runPlan(e env, path string, names []string, imatrixPath string, tensors, strict bool, o quantize.Options) error {
	c, err := openForPlan(path)
	if err != nil {
		return err
	}
	defer c.Close()
	m, err := openImatrix(imatrixPath)
	if err != nil {
		return err
	}
	o.ImatrixFile = imatrixPath
	var rows []planRow
	for _, name := range names {
		o.Format = name
		p, err := newPlan(c, m, o, strict)
		if err != nil {
			return err
		}
		row := planRow{Format: name, Parameters: p.Parameters, PayloadBits: p.PayloadBits, BPW: p.BPW().String(), FileBytes: p.FileBytes, Fallbacks: p.Fallbacks, Warnings: p.Warnings}
		for _, t := range p.Tensors {
			row.Tensors = append(row.Tensors, plannedTensor{t.Name, t.Type.String(), t.Shape, t.Size, t.Reason})
		}
		rows = append(rows, row)
	}
	if e.json {
		return e.printJSON(struct {
			Artifacts []planRow `json:"artifacts"`
		}{rows})
	}
	return printPlan(e, rows, tensors)
}

// newPlan plans and, when strict, refuses fallbacks.
func newPlan(c *checkpoint.Checkpoint, m *stats.Matrix, o quantize.Options, strict bool) (*quantize.Plan, error) {
	p, err := quantize.NewPlan(c, m, o)
	if err != nil {
		return nil, err
	}
	if strict && p.Fallbacks > 0 {
		for _, t := range p.Tensors {
			if t.Fallback {
				return nil, fmt.Errorf("%s: %d tensors do not fit the format (first %s: %s), which --strict forbids", p.Format.Name, p.Fallbacks, t.Name, t.Reason)
			}
		}
	}
	return p, nil
}

// openForPlan opens a model, or a bare config.json.
func openForPlan(path string) (*checkpoint.Checkpoint, error) {
	if st, err := os.Stat(path); err == nil && !st.IsDir() && strings.EqualFold(filepath.Ext(path), ".json") {
		return checkpoint.OpenConfig(path)
	}
	return checkpoint.Open(path)
}

// openImatrix opens an importance matrix; an empty path gives none.
func openImatrix(path string) (*stats.Matrix, error) {
	if path == "" {
		return nil, nil
	}
	m, err := stats.Open(path)
	if err != nil {
		return nil, err
	}
	return m, m.Check()
}

func printPlan(e env, rows []planRow, tensors bool) error {
	w := tabwriter.NewWriter(e.stdout, 0, 0, 2, ' ', tabwriter.AlignRight)
	fmt.Fprintln(w, "format\tBPW\tpayload bytes\tfile bytes\tfallbacks\t")
	for _, r := range rows {
		fmt.Fprintf(w, "%s\t%s\t%d\t%d\t%d\t\n", r.Format, r.BPW, r.PayloadBits/8, r.FileBytes, r.Fallbacks)
	}
	if err := w.Flush(); err != nil {
		return err
	}
	for _, r := range rows {
		for _, s := range r.Warnings {
			fmt.Fprintf(e.stdout, "%s: %s\n", r.Format, s)
		}
		if !tensors {
			continue
		}
		fmt.Fprintf(e.stdout, "\n%s\n", r.Format)
		w := tabwriter.NewWriter(e.stdout, 0, 0, 2, ' ', 0)
		for _, t := range r.Tensors {
			fmt.Fprintf(w, "%s\t%s\t%v\t%d\t%s\n", t.Name, t.Type, t.Shape, t.Bytes, t.Reason)
		}
		if err := w.Flush(); err != nil {
			return err
		}
	}
	return nil
}
