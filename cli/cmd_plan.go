package cli

import (
	"cmp"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"text/tabwriter"

	"github.com/urfave/cli/v2"

	"bitmill/formats/checkpoint"
	"bitmill/formats/stats"
	"bitmill/quantize"
)

// formatNames reads --formats, which may be repeated; nothing means the seven headline formats, "all" every format.
func formatNames(lists []string) (names []string, all bool, err error) {
	add := func(name string) {
		if !slices.Contains(names, name) {
			names = append(names, name)
		}
	}
	for _, n := range strings.Split(strings.Join(lists, ","), ",") {
		switch n = strings.TrimSpace(n); {
		case n == "":
		case strings.EqualFold(n, "all"):
			all = true
			for _, f := range quantize.Formats() {
				add(f.Name)
			}
		default:
			f, err := quantize.ParseFormat(n)
			if err != nil {
				return nil, false, err
			}
			add(f.Name)
		}
	}
	switch {
	case names == nil && len(lists) > 0:
		return nil, false, usagef("--formats names no format; leave it out for the seven headline formats")
	case names == nil:
		names = quantize.Headline()
	}
	return names, all, nil
}

func planCommand() *cli.Command {
	return &cli.Command{
		Name:      "plan",
		Usage:     "exact bytes and bits per weight of every tensor, before anything is written",
		ArgsUsage: "MODEL|config.json",
		Flags: append([]cli.Flag{
			&cli.StringSliceFlag{Name: "formats", Aliases: []string{"f", "format"}, Usage: "comma-separated `FORMATS` or all (default: the seven headline formats)"},
			&cli.StringFlag{Name: "imatrix", Usage: "importance matrix `FILE` (some mixes depend on having one)"},
			&cli.BoolFlag{Name: "tensors", Usage: "list every tensor"},
		}, recipeFlags()...),
		Action: func(c *cli.Context) error {
			args, err := arguments(c, 1, 1, "MODEL -f FORMATS")
			if err != nil {
				return err
			}
			names, _, err := formatNames(c.StringSlice("formats"))
			if err != nil {
				return err
			}
			o, err := recipeOptions(c)
			if err != nil {
				return err
			}
			return runPlan(newEnv(c), args[0], names, c.String("imatrix"), c.Bool("tensors"), c.Bool("strict"), o)
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

// blockedRow is a format that cannot be planned, beside others that can.
type blockedRow struct {
	Format string `json:"format"`
	Reason string `json:"reason"`
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
	rows := []planRow{}
	blocked := []blockedRow{}
	for _, name := range names {
		o.Format = name
		p, err := newPlan(c, m, o, strict)
		var b *quantize.BlockedError
		if errors.As(err, &b) && len(names) > 1 {
			blocked = append(blocked, blockedRow{name, err.Error()})
			continue
		}
		if err != nil {
			return err
		}
		rows = append(rows, newPlanRow(p))
	}
	if e.json {
		err = e.printJSON(struct {
			Artifacts []planRow    `json:"artifacts"`
			Blocked   []blockedRow `json:"blocked"`
		}{rows, blocked})
	} else {
		err = printPlan(e, rows, blocked, tensors)
	}
	if err == nil && len(blocked) > 0 {
		err = incompleteError{fmt.Errorf("%d of %d formats cannot be made from %s as it is", len(blocked), len(names), path)}
	}
	return err
}

func newPlanRow(p *quantize.Plan) planRow {
	row := planRow{Format: p.Format.Name, Parameters: p.Parameters, PayloadBits: p.PayloadBits, BPW: p.BPW().String(), FileBytes: p.FileBytes, Fallbacks: p.Fallbacks, Warnings: p.Warnings}
	if err := p.Writable(); err != nil {
		row.Warnings = append(row.Warnings, err.Error())
	}
	for _, t := range p.Tensors {
		row.Tensors = append(row.Tensors, plannedTensor{t.Name, t.Type.String(), t.Shape, t.Size, t.Reason})
	}
	return row
}

// newPlan plans and, when strict, refuses what is otherwise a warning.
func newPlan(c *checkpoint.Checkpoint, m *stats.Matrix, o quantize.Options, strict bool) (*quantize.Plan, error) {
	p, err := quantize.NewPlan(c, m, o)
	if err != nil || !strict {
		return p, err
	}
	var fell []string
	reason := ""
	for _, t := range p.Tensors {
		if t.Fallback {
			fell = append(fell, t.Name)
			reason = cmp.Or(reason, t.Reason)
		}
	}
	if fell != nil {
		return nil, &quantize.BlockedError{Format: p.Format.Name, Tensors: fell, Why: fmt.Sprintf("do not fit the format (%s), which --strict forbids", reason)}
	}
	if w := append(zeroColumns(m), p.Warnings...); len(w) > 0 {
		return nil, fmt.Errorf("%s: %s, which --strict forbids", p.Format.Name, w[0])
	}
	return p, nil
}

// zeroColumns says which importance weights are zero because the calibration text never used their columns.
func zeroColumns(m *stats.Matrix) (warnings []string) {
	if m == nil {
		return nil
	}
	for _, c := range m.Coverage() {
		if !c.Full() {
			warnings = append(warnings, fmt.Sprintf("the calibration text never used %d of %d columns, and %d of %d matrices, of %s", c.ZeroColumns, c.Columns, c.Unseen, c.Matrices, c.Name))
		}
	}
	return warnings
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
	if err := m.Check(); err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	return m, nil
}

func printPlan(e env, rows []planRow, blocked []blockedRow, tensors bool) error {
	w := tabwriter.NewWriter(e.stdout, 0, 0, 2, ' ', tabwriter.AlignRight)
	fmt.Fprintln(w, "format\tBPW\tpayload bytes\tfile bytes\tfallbacks\t")
	for _, r := range rows {
		fmt.Fprintf(w, "%s\t%s\t%d\t%d\t%d\t\n", r.Format, r.BPW, r.PayloadBits/8, r.FileBytes, r.Fallbacks)
	}
	for _, b := range blocked {
		fmt.Fprintf(w, "%s\t-\t-\t-\t-\t\n", b.Format)
	}
	if err := w.Flush(); err != nil {
		return err
	}
	for _, b := range blocked {
		fmt.Fprintln(e.stdout, b.Reason)
	}
	for _, r := range rows {
		for _, s := range r.Warnings {
			fmt.Fprintf(e.stdout, "%s: %s\n", r.Format, strings.TrimPrefix(s, r.Format+": "))
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
