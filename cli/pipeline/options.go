package pipeline

import (
	"cmp"
	"errors"

	"bitmill/eval"
	"bitmill/eval/gate"
	"bitmill/eval/report"
	"bitmill/eval/threshold"
	"bitmill/formats/checkpoint"
	"bitmill/quantize"
)

// Options of Run are at once the flags of bitmill run, a job in a manifest of bitmill batch, and what the keys of the
// steps are made from. Only Out is required.
type Options struct {
	Models  []string          // paths; none: the embedded demo models
	Out     string            // folder of the report; every model gets a folder in it
	Formats []string          // to make of every model; none: the seven headline formats
	Targets []quantize.Target // sizes to make mixes of types for, beside the formats
	All     bool              // leave out formats that cannot be made, with a warning, instead of failing

	Calibration, Text string // files, or Builtin; "" is Builtin, or the demo's own for its models
	NoImatrix         bool   // quantize without calibrating
	Imatrix           string // file of an importance matrix to use instead of calibrating; of one model
	Context           int    // tokens in a window; 0: eval.DefaultContext
	Windows           int    // to calibrate on and to evaluate, from the beginning; 0: all
	Until             Goal   // what ends an evaluation before all windows are scored

	Recipe           quantize.Options // Format and Provenance are filled in by Run
	Include, Exclude []string         // parts of the names of imatrix entries to use, or not to use
	Memory           int64            // bytes that the buffers of quantizing may take; 0: quantize.DefaultMemory

	KLDBudget      float64  // nats that the fidelity threshold allows; 0: DefaultKLDBudget
	Budget         string   // file of rules to check the report against; "": none
	Tasks          []string // files of questions to ask source and artifacts
	Locate         []string // thresholds to search for with mixes as probes, see Thresholds; none: only the formats tell
	KeepProbes     bool     // keep the probes' files
	NoNoiseFloor   bool     // do not measure the source against itself
	Bench          bool     // measure speed, memory and energy of every file too
	CompareMethods bool     // measure what the encoders make of each format beside what a method makes of it

	Strict bool // fail on what is otherwise a warning
	Force  bool // replace files in Out that bitmill did not write

	Source  checkpoint.OpenOptions // how models are opened
	Threads int                    // worker threads; 0: one per processor
	Tuner   *Tuner                 `json:"-"` // of method tuned; nil: it is refused
	Command string                 // as typed, for report.json, without what does not change the result

	CommandLine string // complete, for people to paste
	Build       string // version and commit of the program
}

// DefaultKLDBudget is the divergence in nats that the fidelity threshold allows unless told otherwise.
const DefaultKLDBudget = threshold.DefaultBudget

func (o Options) withDefaults() Options {
	if len(o.Formats) == 0 {
		o.Formats = quantize.Headline()
	}
	o.Context = cmp.Or(o.Context, eval.DefaultContext)
	o.KLDBudget = cmp.Or(o.KLDBudget, DefaultKLDBudget)
	o.Threads = checkpoint.Workers(o.Threads)
	return o
}

// calibrates reports whether an importance matrix is made.
func (o *Options) calibrates() bool { return !o.NoImatrix && o.Imatrix == "" }

// readsCalibration reports whether the calibration text is used: for an importance matrix, or by a method.
func (o *Options) readsCalibration() bool {
	method := quantize.Fits(o.Recipe.Method) || o.Recipe.Method == Automatic && o.Calibration != ""
	return o.calibrates() || !o.NoImatrix && method
}

// Summary is the result of a run.
type Summary struct {
	Report *report.Report
	Path   string       // of report.json; "" when none was written
	Check  *gate.Result // of Options.Budget; nil without one
}

// UsageError is a mistake in the options or in the command line.
type UsageError struct{ Err error }

func (e UsageError) Error() string { return e.Err.Error() }
func (e UsageError) Unwrap() error { return e.Err }

// ErrNoModel is the error of an empty path.
var ErrNoModel = UsageError{errors.New("the model has no name: give a folder or a GGUF file")}
