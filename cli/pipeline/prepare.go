package pipeline

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"bitmill/cli/steps"
	"bitmill/eval/gate"
	"bitmill/formats/file"
)

// prepared is all that Run reads before it writes anything.
type prepared struct {
	o        *Options
	texts    *texts
	warnings []string // about the texts
	jobs     []*job
	progress *progress // hears the events of the jobs
}

// rules reads the budget. It comes first: a mistake in it shows before anything is written.
func (o *Options) rules() ([]gate.Rule, error) {
	if o.Source.Adapter != "" && len(o.Models) != 1 {
		return nil, UsageError{errors.New("--lora applies to one model: give exactly one")}
	}
	switch {
	case o.Imatrix != "" && o.NoImatrix:
		return nil, UsageError{errors.New("give --imatrix or --no-imatrix, not both")}
	case o.Imatrix != "" && len(o.Models) != 1:
		return nil, UsageError{errors.New("--imatrix is made from one model: give exactly one")}
	}
	return ReadBudget(o.Budget)
}

// prepare reads the texts, and opens and plans the models. The caller closes the result.
func prepare(ctx context.Context, o *Options, events Events, models []string) (p *prepared, err error) {
	p = &prepared{o: o}
	var overlap []string
	if p.texts, overlap, err = readTexts(*o); err != nil {
		return nil, err
	}
	p.warnings = append(textWarnings(*o), overlap...)
	session := Session{Events: events, Threads: o.Threads, Source: o.Source, Tuner: o.Tuner}
	if p.jobs, err = newJobs(ctx, session, o, p.texts, models); err != nil {
		p.close()
		return nil, err
	}
	for _, w := range p.warnings {
		events.Warn(w)
	}
	p.progress = p.progressOf(events)
	for _, j := range p.jobs {
		j.Events = p.progress
	}
	return p, nil
}

// windows is the number of windows of the evaluation text, 0 when models differ in it or none reads it.
func (p *prepared) windows() (n int) {
	for _, j := range p.jobs {
		switch {
		case n == 0:
			n = len(j.windows)
		case len(j.windows) != n && j.windows != nil:
			return 0
		}
	}
	return n
}

func (p *prepared) close() {
	for _, j := range p.jobs {
		j.source.Close()
	}
}

// Check finds the mistakes that Run finds before its first step: in numbers, budget, texts, models, formats and output
// files. It writes nothing. The result is the number of bytes that the files of Run will add. events gets the warnings.
func Check(ctx context.Context, o Options, events Events) (need int64, err error) {
	err = checked(ctx, o, events, func(p *prepared) error {
		need = p.need()
		return nil
	})
	return need, err
}

// DryRun is Check that also tells what Run will do, and how long it will take by a short measurement of this machine.
func DryRun(ctx context.Context, o Options, events Events) (f *Forecast, err error) {
	err = checked(ctx, o, events, func(p *prepared) (err error) {
		f, err = p.forecast()
		return err
	})
	return f, err
}

// checked prepares a run without writing anything to its folder.
func checked(ctx context.Context, o Options, events Events, do func(p *prepared) error) error {
	o = o.withDefaults()
	if _, err := o.rules(); err != nil {
		return err
	}
	models := o.Models
	if len(models) == 0 {
		temporary, err := os.MkdirTemp("", "bitmill")
		if err != nil {
			return err
		}
		defer os.RemoveAll(temporary)
		if models, err = unpackDemo(temporary); err != nil {
			return err
		}
	}
	p, err := prepare(ctx, &o, events, models)
	if err != nil {
		return err
	}
	defer p.close()
	if err := p.checkTargets(); err != nil {
		return err
	}
	return do(p)
}

// CheckRoom fails unless the file system of a folder, which need not exist yet, has so many bytes free.
func CheckRoom(folder string, need int64) error { return file.CheckSpace(existing(folder), need) }

// existing is the folder itself, or the nearest one above that exists.
func existing(folder string) string {
	for {
		if _, err := os.Stat(folder); err == nil || folder == filepath.Dir(folder) {
			return folder
		}
		folder = filepath.Dir(folder)
	}
}

// need is the number of bytes that the artifacts will add to what is there.
func (p *prepared) need() (bytes int64) {
	for _, j := range p.jobs {
		bytes += j.need() + p.probeBytes(j)
	}
	return max(bytes, 0)
}

// checkTargets fails if a file cannot be written, or may not be replaced. Folders need not exist yet.
func (p *prepared) checkTargets() error {
	var targets []string
	for _, n := range reportNames {
		targets = append(targets, filepath.Join(p.o.Out, n))
	}
	for _, j := range p.jobs {
		if o := p.o; o.calibrates() {
			targets = append(targets, j.path(imatrixName))
		}
		for _, v := range j.variants {
			targets = append(targets, j.path(j.artifactName(v)))
		}
	}
	for _, path := range targets {
		folder := filepath.Dir(path)
		if above := existing(folder); above != folder {
			if err := file.CheckTarget(filepath.Join(above, "report.json")); err != nil {
				return fmt.Errorf("%s cannot be made: %w", folder, err)
			}
			continue
		}
		if err := cmp.Or(file.CheckTarget(path), steps.CheckOutput(path, p.o.Force)); err != nil {
			return err
		}
	}
	return nil
}

// makeRoom makes the models' folders, removes what a killed run left half-written, and checks that every file can be
// written and that all fit on the disk. Files of an earlier run are kept or overwritten; others that it left are named.
func (p *prepared) makeRoom(events Events) error {
	if err := p.checkTargets(); err != nil {
		return err
	}
	for _, j := range p.jobs {
		if err := j.store.MakeFolder(); err != nil {
			return err
		}
	}
	if err := p.checkTargets(); err != nil { // now in the folders themselves
		return err
	}
	need := p.need()
	for _, j := range p.jobs {
		if err := j.clearParts(); err != nil {
			return err
		}
	}
	if err := file.CheckSpace(p.o.Out, need); err != nil {
		return err
	}
	p.nameOthers(events)
	return nil
}
