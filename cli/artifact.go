package cli

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"os"
	"time"

	"github.com/urfave/cli/v2"

	"bitmill/cli/pipeline"
	"bitmill/cli/steps"
	"bitmill/formats"
	"bitmill/formats/checkpoint"
	"bitmill/formats/checkpoint/arch"
	"bitmill/formats/gguf"
	"bitmill/formats/imatrix"
	"bitmill/formats/store"
	"bitmill/quantize"
)

// artifactOptions are read from artifactFlags.
type artifactOptions struct {
	quantize.Options
	calibrationText
	target           quantize.Target
	imatrix          string
	include, exclude []string // parts of the names of imatrix entries
	strict           bool
	noProvenance     bool // leave out bitmill's own metadata
}

func readArtifactOptions(c *cli.Context) (o artifactOptions, err error) {
	o = artifactOptions{calibrationText: readCalibrationText(c), imatrix: c.String("imatrix"),
		include: c.StringSlice("include-weights"), exclude: c.StringSlice("exclude-weights"),
		strict: c.Bool("strict"), noProvenance: c.Bool("no-provenance")}
	if o.Options, err = recipeOptions(c); err != nil {
		return o, err
	}
	if o.Method, o.Fit, err = method(c); err != nil {
		return o, err
	}
	o.ImatrixFile = o.imatrix
	if o.KeepSplit = c.Bool("keep-split"); o.KeepSplit && c.IsSet("split-max-size") {
		return o, usagef("give --keep-split or --split-max-size, not both")
	}
	if c.IsSet("split-max-size") {
		if o.SplitBytes, err = parseSize("--split-max-size", c.String("split-max-size")); err != nil {
			return o, err
		}
	}
	o.target, err = readTarget(c)
	return o, err
}

// openWeights opens the importance matrix and selects entries as the options say; nil without a matrix.
func (o *artifactOptions) openWeights() (*imatrix.Matrix, error) {
	m, err := pipeline.OpenImatrix(o.imatrix)
	if err != nil {
		return nil, err
	}
	return quantize.SelectWeights(m, o.include, o.exclude)
}

// plan plans the artifact.
func (o *artifactOptions) plan(ctx context.Context, e env, c *checkpoint.Checkpoint,
	m *imatrix.Matrix) (*quantize.Plan, error) {
	return e.Plan(ctx, c, m, o.Options, o.target, o.strict)
}

type quantizeOptions struct {
	artifactOptions
	dryRun     bool
	keepConfig bool // record only metadata that the model needs, not the provenance
	force      bool // replace files that bitmill did not write
	reuse      []string
	memory     int64
}

func runQuantize(ctx context.Context, e env, path, out string, o quantizeOptions) error {
	c, err := e.Open(path)
	if err != nil {
		return err
	}
	defer c.Close()
	if err := c.CheckVocabulary(e.Source); err != nil && !o.dryRun {
		return err
	}
	if store.IsURL(out) && o.Method != quantize.Reference && o.Method != "" && !o.dryRun {
		return usagef("%s: --method %s keeps its state beside the artifact: write to a path and copy the file, or give "+
			"--method %s", store.Plain(out), o.Method, quantize.Reference)
	}
	start := time.Now()
	if store.Same(path, out) {
		return fmt.Errorf("%s is the source: writing there would destroy it", out)
	}
	for _, source := range c.Files() {
		if store.Same(source, out) {
			return fmt.Errorf("%s is the source: writing there would destroy it", out)
		}
	}
	if o.imatrix != "" && store.Same(o.imatrix, out) {
		return fmt.Errorf("%s is the importance matrix: writing there would destroy it", out)
	}
	if !o.KeepSplit && o.SplitBytes == 0 {
		if err := steps.CheckFree(out, o.force); err != nil {
			return err
		}
	}
	m, err := o.openWeights()
	if err != nil {
		return err
	}
	windows, err := o.calibration(e, c)
	if err != nil {
		return err
	}
	if err := o.announceTuned(e, c, windows, o.memory); err != nil {
		return err
	}
	switch {
	case o.keepConfig:
		o.Provenance = c.ExtraMetadata()
	case o.noProvenance:
		for _, key := range c.ExtraMetadata().Keys() {
			what := "as its architecture says, not as the source does"
			if key == arch.WindowKey {
				what = fmt.Sprintf("without the model's sliding window of %d tokens", c.Config.Window)
			}
			e.warn(fmt.Sprintf("%s is left out with the provenance: the artifact will be run %s", key, what))
		}
	case o.dryRun:
		p, err := quantize.PlannedProvenance(m)
		if err != nil {
			return err
		}
		p.SetMethod(o.Method, o.Fit, nil)
		o.Provenance = p.Metadata(c)
	default:
		if err := e.Scan(ctx, c); err != nil {
			return err
		}
		p, err := quantize.NewProvenance(c, m)
		if err != nil {
			return err
		}
		p.SetMethod(o.Method, o.Fit, windows)
		o.Provenance = p.Metadata(c)
	}
	journal := ""
	if !o.dryRun && !store.IsURL(out) {
		journal = probesJournal(out)
	}
	if err := o.measureShares(ctx, e, c, m, windows, journal); err != nil {
		return err
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
		if written, err = writeOne(ctx, e, c, m, windows, p, out, o); err != nil {
			return err
		}
		if o.Shares != nil && journal != "" {
			os.Remove(journal)
		}
	}
	return printWritten(e, p, out, written, time.Since(start))
}

// writeOne writes the artifact of a plan.
func writeOne(ctx context.Context, e env, c *checkpoint.Checkpoint, m *imatrix.Matrix, windows [][]int32,
	p *quantize.Plan, out string, o quantizeOptions) (quantize.Written, error) {
	for i := range p.Shards {
		path := quantize.ShardName(out, i, len(p.Shards))
		if err := steps.CheckFree(path, o.force); err != nil {
			return quantize.Written{}, err
		}
	}
	made := quantize.ReadProvenance(p.Metadata)
	if o.noProvenance || o.keepConfig {
		made = quantize.Provenance{} // the metadata may hold that of the source, an artifact itself
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
	write := quantize.WriteOptions{Threads: e.Threads, Memory: o.memory,
		Scan: e.Events.Begin(pipeline.ScanTitle(c), "bytes").Set, Reuse: o.reuse}
	list := []quantize.Artifact{{Plan: p, Path: out, ResumeKey: key, Replace: o.force}}
	var written []quantize.Written
	if quantize.Fits(o.Method) {
		written, err = e.WriteFeedback(ctx, c, m, windows, o.Fit, list, write)
	} else {
		bar := e.Events.Begin("quantize "+p.Name(), "bytes")
		write.Progress = bar.Set
		if written, err = quantize.Write(ctx, c, m, list, write); err == nil {
			bar.Done()
		}
	}
	if err != nil {
		return quantize.Written{}, err
	}
	return written[0], nil
}

// checkDonor fails unless the artifact has the provenance and, as far as is recorded, is intact.
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
