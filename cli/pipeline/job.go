package pipeline

import (
	"context"
	"fmt"
	"os"
	"path/filepath"

	"bitmill/cli/steps"
	"bitmill/eval"
	"bitmill/eval/report"
	"bitmill/formats/bpw"
	"bitmill/formats/file"
	"bitmill/formats/imatrix"
	"bitmill/quantize"
	"bitmill/quantize/feedback"
	"bitmill/quantize/tune"
)

// job is one model, opened and planned, on its way through the phases: calibrate, quantize, measure. All fields but
// warnings, blocked and made are set before the first phase; results pass from phase to phase as values. The source is loaded
// only by the phases that run it.
type job struct {
	Session
	o     *Options
	texts *texts
	name  string      // of the model and of its folder
	store steps.Store // the folder

	source      *Model
	size        bpw.Summary     // of the source
	windows     [][]int32       // of the evaluation text; nil: the engine cannot run the model
	tokens      string          // hash of all windows of the evaluation text, whether they are used or not
	kept        eval.Kept       // of the evaluation text
	calibration [][]int32       // of the calibration text; nil: it is not used
	given       *imatrix.Matrix // Options.Imatrix
	method      string          // of the artifacts
	tuning      *TunedCost      // nil: another method
	planned     []planned       // what Run forecasts: about the sizes of the artifacts
	variants    []variant       // that can be made
	room        feedback.Room   // of method feedback
	warnings    []string        // for the report

	blocked []report.Blocked // formats that turned out not to hold the source's values
	made    made             // by run
}

// made is what a job's phases leave to the search for thresholds.
type made struct {
	inputs
	artifacts []*artifact
}

// newJob opens the model and plans its artifacts before anything is computed. A model that the engine cannot run is
// quantized without an imatrix.
func newJob(ctx context.Context, s Session, o *Options, t *texts, path, name string) (_ *job, err error) {
	j := &job{Session: s, o: o, texts: t, name: name, store: steps.Store{Dir: filepath.Join(o.Out, name)}}
	if j.source, err = j.OpenModel(path); err != nil {
		return nil, err
	}
	j.warnings = append(j.warnings, Fold(j.source.Warnings)...)
	if j.size, err = j.source.Summary(); err == nil {
		j.given, err = OpenImatrix(o.Imatrix)
	}
	if err == nil {
		err = j.source.CheckVocabulary(j.Source)
	}
	if err == nil {
		err = j.tokenize()
	}
	if err == nil {
		err = j.estimate(ctx)
	}
	if err != nil {
		j.source.Close()
		return nil, err
	}
	return j, nil
}

// warn reports a warning and keeps it for the report.
func (j *job) warn(format string, args ...any) {
	w := fmt.Sprintf(format, args...)
	j.warnings = append(j.warnings, w)
	j.Events.Warn(w)
}

// path returns the path of a file in the model's folder.
func (j *job) path(name string) string { return filepath.Join(j.store.Dir, name) }

// tokenize cuts the texts into windows, if the engine can run the model.
func (j *job) tokenize() error {
	c := j.source
	j.method = quantize.Reference
	err := c.TokenizerErr
	if c.Tokenizer != nil || c.ConfigErr != nil {
		err = c.Load()
	}
	if m := j.o.Recipe.Method; err != nil && quantize.Fits(m) {
		return fmt.Errorf("%s: method %s runs the model: %w; give --method reference", j.name, m, err)
	}
	if err != nil {
		j.warn("%s is quantized without calibration and not evaluated: %v", j.name, err)
		return nil
	}
	defer c.Unload()
	if w := c.LongContext(j.o.Context); w != "" {
		j.warn("%s", w)
	}
	if j.windows, err = j.cut(j.texts.evaluation, 0); err != nil {
		return err
	}
	j.tokens = quantize.WindowsHash(j.windows)
	if n := j.o.Windows; n > 0 {
		j.windows = j.windows[:min(n, len(j.windows))]
	}
	if j.o.readsCalibration() {
		j.calibration, err = j.cut(j.texts.calibration, j.o.Windows)
	}
	if err != nil {
		return err
	}
	return j.checkMethod()
}

// cut cuts a text into windows, at most limit of them (0: all).
func (j *job) cut(t text, limit int) ([][]int32, error) {
	return j.source.Windows(t.name, t.text, j.o.Context, limit)
}

// estimate plans every format as if the imatrix existed already.
func (j *job) estimate(ctx context.Context) error {
	o := j.options()
	o.AssumeImatrix, o.Unmeasured = j.calibration != nil && j.given == nil, true
	m, err := j.selectWeights(j.given)
	if err != nil {
		return err
	}
	p, err := quantize.PlannedProvenance(m)
	if err != nil {
		return err
	}
	if m != nil {
		o.ImatrixFile = j.imatrixFile()
	} else if o.AssumeImatrix {
		o.ImatrixFile, p.Imatrix = j.imatrixFile(), p.Source // as long as the hash will be
		o.AssumedImatrix = &imatrix.Matrix{Datasets: []string{j.texts.calibration.name}, Windows: len(j.calibration)}
	}
	p.SetMethod(j.method, j.o.Recipe.Fit, j.calibration)
	o.Provenance = p.Metadata(j.source.Checkpoint)
	plans, err := j.plans(ctx, j.o.variants(), inputs{imatrix: m}, o)
	for _, p := range plans {
		j.variants, j.planned = append(j.variants, p.variant), append(j.planned, p)
	}
	return err
}

// need is the number of bytes that the artifacts, and what lies beside them until they are done, will add to what is
// there. One of the planned size is done.
func (j *job) need() (bytes int64) {
	room := j.room.File
	for _, p := range j.planned {
		path, size := j.path(j.artifactName(p.variant)), p.FileBytes
		if sizeOf(path) == size {
			continue
		}
		bytes += size - sizeOf(path) - sizeOf(path+".part")
		if !quantize.Fits(j.method) {
			continue
		}
		bytes += 2*size + room // the encoders' artifact, what is chosen, and activations once
		if room = 0; j.method == quantize.Tuned {
			bytes += tune.StateBytes(p.Parameters, size)
		}
		for _, path := range besides(path) {
			bytes -= sizeOf(path)
		}
	}
	return bytes
}

// sizeOf is the size of a file; 0 where there is none.
func sizeOf(path string) int64 {
	st, err := os.Stat(path)
	if err != nil {
		return 0
	}
	return st.Size()
}

// key returns the key of a step, which covers the format version and the parts: strings and numbers.
func key(step string, parts ...any) string {
	k, err := file.Key(append([]any{quantize.FormatVersion, step}, parts...)...)
	if err != nil {
		panic(err) // strings and numbers always have JSON
	}
	return k
}

// run takes the model through the phases and returns its part of the report.
func (j *job) run(ctx context.Context) (*report.Model, error) {
	if err := j.Scan(ctx, j.source.Checkpoint); err != nil {
		return nil, err
	}
	in, err := j.calibrate(ctx)
	if err != nil {
		return nil, err
	}
	artifacts, err := j.quantize(ctx, in)
	if err != nil {
		return nil, err
	}
	m, err := j.measure(ctx, in, artifacts)
	if err != nil {
		return nil, err
	}
	m.Warnings, j.made = j.warnings, made{in, artifacts}
	return m, nil
}
