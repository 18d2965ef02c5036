package cli

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"github.com/urfave/cli/v2"

	"bitmill/formats"
	"bitmill/formats/checkpoint"
	"bitmill/formats/gguf"
	"bitmill/formats/stats"
	"bitmill/quantize"
)

type quantizeOptions struct {
	quantize.Options
	imatrix        string
	strict, dryRun bool
	noProvenance   bool // leave out bitmill's own metadata
	keepConfig     bool // but for what the model's meaning depends on
}

func quantizeCommand() *cli.Command {
	return &cli.Command{
		Name:      "quantize",
		Usage:     "write one artifact",
		ArgsUsage: "MODEL OUT.gguf",
		Flags: append([]cli.Flag{
			&cli.StringFlag{Name: "format", Aliases: []string{"f"}, Usage: "`FORMAT`, e.g. Q4_K_M"},
			&cli.StringFlag{Name: "imatrix", Usage: "importance matrix `FILE`"},
			&cli.BoolFlag{Name: "dry-run", Usage: "plan only, write nothing"},
			&cli.BoolFlag{Name: "no-provenance", Usage: "leave out bitmill's own metadata: the file then equals llama-quantize's"},
		}, recipeFlags()...),
		Action: func(c *cli.Context) error {
			args, err := arguments(c, 2, 2, "MODEL OUT.gguf -f FORMAT")
			if err == nil {
				err = required(c, "format")
			}
			if err != nil {
				return err
			}
			o := quantizeOptions{Options: recipeOptions(c), imatrix: c.String("imatrix"), strict: c.Bool("strict"), dryRun: c.Bool("dry-run"), noProvenance: c.Bool("no-provenance")}
			o.Format = c.String("format")
			return runQuantize(c.Context, newEnv(c), args[0], args[1], o)
		},
	}
}

func runQuantize(ctx context.Context, e env, path, out string, o quantizeOptions) error {
	c, err := openModel(path)
	if err != nil {
		return err
	}
	defer c.Close()
	if sameFile(path, out) {
		return fmt.Errorf("%s is the source: writing there would destroy it", out)
	}
	if o.imatrix != "" && sameFile(o.imatrix, out) {
		return fmt.Errorf("%s is the importance matrix: writing there would destroy it", out)
	}
	m, err := openImatrix(o.imatrix)
	if err != nil {
		return err
	}
	o.ImatrixFile = o.imatrix
	switch {
	case o.keepConfig:
		o.Provenance = &gguf.Metadata{}
		checkpoint.ExtraMetadata(o.Provenance, c.Config)
	case o.noProvenance && c.Config.Window > 0:
		e.warn(fmt.Sprintf("%s is left out with the provenance: the artifact will be run without the model's sliding window of %d tokens", checkpoint.WindowKey, c.Config.Window))
	case !o.noProvenance && !o.dryRun:
		if o.Provenance, err = provenance(c, m, o.imatrix); err != nil {
			return err
		}
	}
	p, err := newPlan(c, m, o.Options, o.strict)
	if err == nil {
		err = p.Writable()
	}
	if err != nil {
		return err
	}
	if errors.Is(c.ConfigErr, formats.ErrCorrupt) {
		e.warn(c.ConfigErr.Error())
	}
	e.warn(c.Warnings...)
	e.warn(zeroColumns(m)...)
	e.warn(p.Warnings...)
	var written []quantize.Written
	start := time.Now()
	if !o.dryRun {
		bar := e.progress("quantize "+p.Format.Name, "bytes")
		written, err = quantize.Write(ctx, c, m, []quantize.Job{{Plan: p, Path: out}}, quantize.WriteOptions{Threads: e.threads, Progress: bar.Set})
		if err != nil {
			return err
		}
		bar.Done()
	}
	return printWritten(e, p, out, written, time.Since(start))
}

// sameFile reports whether writing out would overwrite the model.
func sameFile(model, out string) bool {
	a, errA := os.Stat(model)
	b, errB := os.Stat(out)
	return errA == nil && errB == nil && os.SameFile(a, b)
}

// provenance is what an artifact says of its making, under keys of bitmill's own: nothing that varies between runs.
func provenance(c *checkpoint.Checkpoint, m *stats.Matrix, imatrixPath string) (*gguf.Metadata, error) {
	hash, err := c.Hash()
	if err != nil {
		return nil, err
	}
	p := &gguf.Metadata{}
	checkpoint.ExtraMetadata(p, c.Config)
	p.Set("bitmill.version", Version)
	p.Set("bitmill.source.sha256", hash)
	if m != nil {
		data, err := m.Encode()
		if err != nil {
			return nil, err
		}
		p.Set("bitmill.imatrix.sha256", hashBytes(data))
	}
	return p, nil
}

func printWritten(e env, p *quantize.Plan, out string, written []quantize.Written, took time.Duration) error {
	types := map[string]int{}
	for _, t := range p.Tensors {
		types[t.Type.String()]++
	}
	sha := ""
	if len(written) > 0 {
		sha = written[0].SHA256
	}
	if e.json {
		return e.printJSON(struct {
			Path        string         `json:"path"`
			Format      string         `json:"format"`
			Parameters  int64          `json:"parameters"`
			PayloadBits int64          `json:"payload_bits"`
			BPW         string         `json:"bpw"`
			FileBytes   int64          `json:"file_bytes"`
			SHA256      string         `json:"sha256,omitempty"`
			Fallbacks   int            `json:"fallbacks"`
			Types       map[string]int `json:"types"`
			Seconds     float64        `json:"seconds"`
			PerSecond   float64        `json:"weights_per_second"`
			Warnings    []string       `json:"warnings,omitempty"`
		}{out, p.Format.Name, p.Parameters, p.PayloadBits, p.BPW().String(), p.FileBytes, sha, p.Fallbacks, types,
			took.Seconds(), float64(p.Parameters) / max(took.Seconds(), 1e-9), p.Warnings})
	}
	verb := "wrote"
	if len(written) == 0 {
		verb = "would write"
	}
	fmt.Fprintf(e.stdout, "%s %s: %s, %s bits per weight, %d bytes", verb, out, p.Format.Name, p.BPW(), p.FileBytes)
	if p.Fallbacks > 0 {
		fmt.Fprintf(e.stdout, ", %d of %d tensors fell back to another type", p.Fallbacks, len(p.Tensors))
	}
	_, err := fmt.Fprintln(e.stdout)
	return err
}

func convertCommand() *cli.Command {
	return &cli.Command{
		Name:      "convert",
		Usage:     "write a checkpoint as GGUF without quantizing",
		ArgsUsage: "MODEL OUT.gguf",
		Flags: []cli.Flag{
			&cli.StringFlag{Name: "outtype", Value: "auto", Usage: "`TYPE` of the matrices: auto (the source's), f32, f16 or bf16"},
		},
		Action: func(c *cli.Context) error {
			args, err := arguments(c, 2, 2, "MODEL OUT.gguf")
			if err != nil {
				return err
			}
			return runConvert(c.Context, newEnv(c), args[0], args[1], c.String("outtype"))
		},
	}
}

func runConvert(ctx context.Context, e env, path, out, outtype string) error {
	format, ok := map[string]string{"auto": "", "f32": "F32", "f16": "F16", "bf16": "BF16"}[outtype]
	if !ok {
		return usagef("--outtype %s: choose auto, f32, f16 or bf16", outtype)
	}
	c, err := openModel(path)
	if err != nil {
		return err
	}
	defer c.Close()
	if outtype == "auto" {
		if format, err = sourceFormat(c); err != nil {
			return err
		}
	}
	if err := os.MkdirAll(filepath.Dir(out), 0o755); err != nil {
		return err
	}
	return runQuantize(ctx, e, path, out, quantizeOptions{Options: quantize.Options{Format: format, AllowRequantize: outtype != "auto"}, keepConfig: true})
}

// sourceFormat is the format that keeps the source's matrices as they are: the type of the first matrix.
func sourceFormat(c *checkpoint.Checkpoint) (string, error) {
	for i := range c.Tensors {
		t := &c.Tensors[i]
		if len(t.Shape) < 2 {
			continue
		}
		switch t.Type {
		case formats.F32, formats.F16, formats.BF16:
			return t.Type.String(), nil
		}
		return "", fmt.Errorf("%s holds %s: convert writes f32, f16 or bf16 only; choose one with --outtype", c.Path, t.Type)
	}
	return "", fmt.Errorf("%s has no matrices", c.Path)
}
