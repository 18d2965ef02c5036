package cli

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"text/tabwriter"

	"github.com/urfave/cli/v2"

	"bitmill/cli/pipeline"
	"bitmill/quantize"
)

func planCommand() *cli.Command {
	return &cli.Command{
		Name:      "plan",
		Usage:     "exact bytes and bits per weight of every tensor, before anything is written",
		ArgsUsage: "MODEL|config.json",
		Description: `The plan says to the byte what bitmill quantize would write with the same flags. A bare
config.json has no vocabulary: the types and bits are right, but the file size lacks the bytes of the metadata.

` + targetHelp,
		Flags: append([]cli.Flag{
			&cli.StringSliceFlag{Name: "formats", Aliases: []string{"f", "format"},
				Usage: "comma-separated `FORMATS` or all (default: the seven headline formats)"},
			&cli.BoolFlag{Name: "tensors", Usage: "list every tensor"},
		}, artifactFlags()...),
		Action: arguments(1, 1, "MODEL -f FORMATS").action(func(c *cli.Context, e env, args []string) error {
			names, _, err := formatNames(c.StringSlice("formats"))
			if err != nil {
				return err
			}
			o, err := readArtifactOptions(c)
			if err != nil {
				return err
			}
			if o.target != (quantize.Target{}) {
				switch {
				case !c.IsSet("formats"):
					names = []string{""} // the nearest
				case len(names) > 1:
					return usagef("--target-bpw and --target-size make one artifact: give one format, or none")
				}
			}
			return runPlan(c.Context, e, args[0], names, c.Bool("tensors"), o)
		}),
	}
}

type planRow struct {
	Format      string          `json:"format"`
	Recorded    string          `json:"recorded_format,omitempty"`
	Parameters  int64           `json:"parameters"`
	PayloadBits int64           `json:"payload_bits"`
	BPW         string          `json:"bpw"`
	FileBytes   int64           `json:"file_bytes"`
	ShardBytes  []int64         `json:"shard_bytes,omitempty"`
	Fallbacks   int             `json:"fallbacks"`
	TypesBy     string          `json:"types_by,omitempty"`
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

func runPlan(ctx context.Context, e env, path string, names []string, tensors bool, o artifactOptions) error {
	c, err := openForPlan(path, e.Source)
	if err != nil {
		return err
	}
	defer c.Close()
	m, err := o.openWeights()
	if err != nil {
		return err
	}
	if !o.noProvenance {
		p, err := quantize.PlannedProvenance(m)
		if err != nil {
			return err
		}
		p.SetMethod(o.Method, o.Fit, nil)
		o.Provenance = p.Metadata(c)
	}
	windows, err := o.calibration(e, c)
	if err != nil {
		return err
	}
	if err := o.announceTuned(e, c, windows, 0); err != nil {
		return err
	}
	if err := o.measureShares(ctx, e, c, m, windows, ""); err != nil {
		return err
	}
	rows := []planRow{}
	blocked := []blockedRow{}
	for _, name := range names {
		o.Format = name
		p, err := o.plan(ctx, e, c, m)
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
		err = incompleteError{fmt.Errorf("%d of %d formats cannot be made from %s as it is", len(blocked), len(names),
			path)}
	}
	return err
}

func newPlanRow(p *quantize.Plan) planRow {
	row := planRow{Format: p.Name(), Recorded: recorded(p), Parameters: p.Parameters,
		PayloadBits: p.PayloadBits, BPW: p.BPW().String(), FileBytes: p.FileBytes,
		Fallbacks: p.Fallbacks, TypesBy: p.TypesBy(), Warnings: p.Warnings}
	if err := p.CheckEncoders(); err != nil {
		row.Warnings = append(row.Warnings, err.Error())
	}
	if len(p.Shards) > 1 {
		for _, s := range p.Shards {
			row.ShardBytes = append(row.ShardBytes, s.Layout.FileBytes)
		}
	}
	for _, t := range p.Tensors {
		row.Tensors = append(row.Tensors, plannedTensor{t.Name, t.Type.String(), t.Shape, t.Size, t.Reason})
	}
	return row
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
		if r.TypesBy != "" {
			fmt.Fprintf(e.stdout, "%s: %s\n", r.Format, typesBy[r.TypesBy])
		}
		if r.ShardBytes != nil {
			fmt.Fprintf(e.stdout, "%s: %d shards of %s bytes\n", r.Format, len(r.ShardBytes),
				strings.Trim(strings.Join(strings.Fields(fmt.Sprint(r.ShardBytes)), ", "), "[]"))
		}
		for _, s := range pipeline.Fold(r.Warnings) {
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
