package cli

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/urfave/cli/v2"

	"bitmill/cli/pipeline"
	"bitmill/cli/steps"
	"bitmill/formats"
	"bitmill/formats/checkpoint"
	"bitmill/formats/file"
	"bitmill/formats/gguf"
	"bitmill/formats/imatrix"
	"bitmill/quantize"
)

type quantizeOptions struct {
	artifactOptions
	dryRun     bool
	keepConfig bool // instead of bitmill's own metadata only what the model's meaning depends on
	reuse      []string
	memory     int64
}

func quantizeCommand() *cli.Command {
	return &cli.Command{
		Name:      "quantize",
		Usage:     "write one artifact",
		ArgsUsage: "MODEL OUT.gguf",
		Description: `Interrupted or killed, it leaves OUT.gguf.part and a journal; the same command goes on at the tensor where it was.
The format COPY keeps every tensor as it is. Shards are named after OUT.gguf: OUT-00001-of-0000N.gguf.

--reuse copies the tensors whose type is the same from an earlier artifact instead of encoding them. That it was made
from the same model, with the same importance matrix, by the same version of bitmill is read from its metadata
(bitmill.source.sha256, bitmill.imatrix.sha256, bitmill.version) and compared with the inputs; where bitmill run
recorded the file's hash, the file must still have it. Otherwise its tensors are trusted.

` + targetHelp,
		Flags: append([]cli.Flag{
			&cli.StringFlag{Name: "format", Aliases: []string{"f"}, Usage: "`FORMAT`, e.g. Q4_K_M, or COPY"},
			&cli.BoolFlag{Name: "dry-run", Usage: "say what bitmill plan says, write nothing"},
			&cli.StringSliceFlag{Name: "reuse", Usage: "copy tensors that would be equal from an earlier artifact, `OLD.gguf`; may be repeated"},
		}, append(artifactFlags(), memoryFlag())...),
		Action: func(c *cli.Context) error {
			args, err := arguments(c, 2, 2, "MODEL OUT.gguf -f FORMAT")
			if err != nil {
				return err
			}
			o, err := readQuantizeOptions(c)
			if err == nil && o.target == (quantize.Target{}) {
				err = required(c, "format")
			}
			if err != nil {
				return err
			}
			return resumable(runQuantize(c.Context, newEnv(c), args[0], args[1], o))
		},
	}
}

// memoryFlag is the bound on what quantizing holds in memory.
func memoryFlag() cli.Flag {
	return &cli.StringFlag{Name: "max-memory", Value: "512MiB", Usage: "what the buffers of quantizing may take: a `SIZE` such as 512MiB or 2GiB"}
}

// memory reads memoryFlag.
func memory(c *cli.Context) (int64, error) { return parseSize("--max-memory", c.String("max-memory")) }

func readQuantizeOptions(c *cli.Context) (o quantizeOptions, err error) {
	o = quantizeOptions{dryRun: c.Bool("dry-run"), reuse: c.StringSlice("reuse")}
	if o.artifactOptions, err = readArtifactOptions(c); err != nil {
		return o, err
	}
	o.Format = c.String("format")
	o.memory, err = memory(c)
	return o, err
}

func runQuantize(ctx context.Context, e env, path, out string, o quantizeOptions) error {
	c, err := e.Open(path)
	if err != nil {
		return err
	}
	defer c.Close()
	start := time.Now()
	if file.Same(path, out) {
		return fmt.Errorf("%s is the source: writing there would destroy it", out)
	}
	if o.imatrix != "" && file.Same(o.imatrix, out) {
		return fmt.Errorf("%s is the importance matrix: writing there would destroy it", out)
	}
	m, err := o.openWeights()
	if err != nil {
		return err
	}
	switch {
	case o.keepConfig:
		o.Provenance = c.ExtraMetadata()
	case o.noProvenance:
		for _, key := range c.ExtraMetadata().Keys() {
			what := "as its architecture says, not as the source does"
			if key == checkpoint.WindowKey {
				what = fmt.Sprintf("without the model's sliding window of %d tokens", c.Config.Window)
			}
			e.warn(fmt.Sprintf("%s is left out with the provenance: the artifact will be run %s", key, what))
		}
	case o.dryRun:
		p, err := quantize.PlannedProvenance(m)
		if err != nil {
			return err
		}
		o.Provenance = p.Metadata(c)
	default:
		if err := e.Scan(ctx, c); err != nil {
			return err
		}
		p, err := quantize.NewProvenance(c, m)
		if err != nil {
			return err
		}
		o.Provenance = p.Metadata(c)
	}
	p, err := o.plan(ctx, e, c, m)
	if err == nil {
		err = p.CheckEncoders()
	}
	if err != nil {
		return err
	}
	if errors.Is(c.ConfigErr, formats.ErrCorrupt) {
		e.warn(c.ConfigErr.Error())
	}
	e.warn(c.Warnings...)
	e.warn(pipeline.ZeroColumns(m)...)
	e.warn(p.Warnings...)
	var written quantize.Written
	if !o.dryRun {
		if written, err = writeOne(ctx, e, c, m, p, out, o); err != nil {
			return err
		}
	}
	return printWritten(e, p, out, written, time.Since(start))
}

// writeOne writes the artifact of a plan.
func writeOne(ctx context.Context, e env, c *checkpoint.Checkpoint, m *imatrix.Matrix, p *quantize.Plan, out string, o quantizeOptions) (quantize.Written, error) {
	made := quantize.ReadProvenance(p.Metadata)
	if o.noProvenance || o.keepConfig {
		made = quantize.Provenance{} // a source that is an artifact has left its own
	}
	if len(o.reuse) > 0 {
		want, err := quantize.NewProvenance(c, m)
		if err != nil {
			return quantize.Written{}, err
		}
		for _, path := range o.reuse {
			if err := checkDonor(path, want); err != nil {
				return quantize.Written{}, err
			}
		}
	}
	key, err := made.ResumeKey(c, m)
	if err != nil {
		return quantize.Written{}, err
	}
	bar := e.Events.Begin("quantize "+p.Format.Name, "bytes")
	written, err := quantize.Write(ctx, c, m, []quantize.Artifact{{Plan: p, Path: out, ResumeKey: key}},
		quantize.WriteOptions{Threads: e.Threads, Memory: o.memory, Progress: bar.Set, Scan: e.Events.Begin(pipeline.ScanTitle(c), "bytes").Set, Reuse: o.reuse})
	if err != nil {
		return quantize.Written{}, err
	}
	bar.Done()
	return written[0], nil
}

// checkDonor fails unless the artifact is whole, as far as can be told, and has the provenance.
func checkDonor(path string, want quantize.Provenance) error {
	f, err := gguf.Open(path)
	if err != nil {
		return err
	}
	defer f.Close()
	if err := want.Accepts(quantize.ReadProvenance(f.Metadata)); err != nil {
		return fmt.Errorf("%s cannot be reused: %w", path, err)
	}
	for _, s := range f.Shards {
		out, ok := steps.Recorded(s.Path)
		if !ok {
			continue
		}
		if sum, err := steps.HashFile(s.Path); err != nil || sum != out.SHA256 {
			return cmp.Or(err, fmt.Errorf("%s cannot be reused: it was changed after bitmill run wrote it", path))
		}
	}
	return nil
}

type writtenRow struct {
	Path        string         `json:"path"`
	Format      string         `json:"format"`
	Parameters  int64          `json:"parameters"`
	PayloadBits int64          `json:"payload_bits"`
	BPW         string         `json:"bpw"`
	FileBytes   int64          `json:"file_bytes"`
	SHA256      string         `json:"sha256,omitempty"`
	Shards      []file.Written `json:"shards,omitempty"`
	Fallbacks   int            `json:"fallbacks"`
	Types       map[string]int `json:"types"`
	Overrides   []overrideRow  `json:"overrides,omitempty"`
	Kept        int            `json:"tensors_kept"`
	Reused      int            `json:"tensors_reused"`
	Warnings    []string       `json:"warnings,omitempty"`

	// Of all the command did; absent where nothing was written.
	Seconds      float64 `json:"seconds,omitempty"`
	PerSecond    float64 `json:"weights_per_second,omitempty"`
	InPerSecond  float64 `json:"source_bytes_per_second,omitempty"`
	OutPerSecond float64 `json:"file_bytes_per_second,omitempty"`
}

// overrideRow says how many tensors a --tensor-type decided.
type overrideRow struct {
	Pattern string `json:"pattern"`
	Type    string `json:"type"`
	Matches int    `json:"matches"`
}

func overrideRows(p *quantize.Plan) (rows []overrideRow) {
	for _, o := range p.Overrides {
		rows = append(rows, overrideRow{o.Pattern, o.Type.String(), o.Matches})
	}
	return rows
}

// printWritten says what was written; nothing was when w is empty.
func printWritten(e env, p *quantize.Plan, out string, w quantize.Written, took time.Duration) error {
	row := writtenRow{Path: cmp.Or(w.Path, out), Format: p.Format.Name, Parameters: p.Parameters, PayloadBits: p.PayloadBits, BPW: p.BPW().String(),
		FileBytes: p.FileBytes, SHA256: w.SHA256, Fallbacks: p.Fallbacks, Types: map[string]int{}, Overrides: overrideRows(p),
		Kept: w.Resumed, Reused: w.Reused, Warnings: p.Warnings}
	source := int64(0)
	for _, t := range p.Tensors {
		row.Types[t.Type.String()]++
		t.Tensor.Type = t.Source
		if n, err := t.Bytes(); err == nil {
			source += n
		}
	}
	if s := took.Seconds(); w.Files != nil && s > 0 {
		row.Seconds, row.PerSecond = s, float64(p.Parameters)/s
		row.InPerSecond, row.OutPerSecond = float64(source)/s, float64(p.FileBytes)/s
	}
	if len(w.Files) > 1 {
		row.Shards = w.Files
	}
	if e.json {
		return e.printJSON(row)
	}
	verb := "wrote"
	if w.Files == nil {
		verb = "would write"
	}
	fmt.Fprintf(e.stdout, "%s %s: %s, %s bits per weight, %d bytes", verb, row.Path, row.Format, row.BPW, row.FileBytes)
	if n := len(p.Shards); n > 1 {
		fmt.Fprintf(e.stdout, " in %d shards", n)
	}
	if p.Fallbacks > 0 {
		fmt.Fprintf(e.stdout, ", %d of %d tensors fell back to another type", p.Fallbacks, len(p.Tensors))
	}
	fmt.Fprintln(e.stdout)
	for _, o := range row.Overrides {
		fmt.Fprintf(e.stdout, "--tensor-type %s=%s decided %d tensors\n", o.Pattern, o.Type, o.Matches)
	}
	if note := pipeline.ReuseNote([]quantize.Written{w}); note != "" {
		fmt.Fprintln(e.stdout, note)
	}
	return nil
}
