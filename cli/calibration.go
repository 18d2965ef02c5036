package cli

import (
	"context"
	"fmt"
	"strings"

	"github.com/urfave/cli/v2"

	"bitmill/cli/pipeline"
	"bitmill/eval"
	"bitmill/formats/checkpoint"
	"bitmill/formats/file"
	"bitmill/formats/imatrix"
	"bitmill/quantize"
)

// calibrationText is the text that plan and quantize run a model on: for methods feedback and tuned, and to choose types.
type calibrationText struct {
	text             string // file, or builtin; "" for none
	assumed          bool   // nobody gave a text, and the built-in one is taken
	context, windows int
}

func calibrationFlags() []cli.Flag {
	return []cli.Flag{
		&cli.StringFlag{Name: "calibration", TakesFile: true,
			Usage: "`TEXT` file, or builtin, for --method feedback and tuned, and to measure what types are chosen by"},
		&cli.IntFlag{Name: "ctx", Aliases: []string{"c"}, Value: eval.DefaultContext, Usage: "tokens in a window of it"},
		&cli.IntFlag{Name: "chunks", Usage: "windows of it to use (0: all)"},
	}
}

func readCalibrationText(c *cli.Context) calibrationText {
	return calibrationText{text: c.String("calibration"), context: c.Int("ctx"), windows: c.Int("chunks")}
}

// choosesTypes reports whether types are chosen by measurement.
func (o *artifactOptions) choosesTypes() bool {
	return o.target != (quantize.Target{}) || o.Types == quantize.TypesChosen
}

// calibration cuts the text into windows; nil without one. A model that cannot be run is an error for these
// methods only.
func (o *artifactOptions) calibration(e env, c *checkpoint.Checkpoint) ([][]int32, error) {
	if o.assumed {
		o.text = pipeline.Builtin
		e.warn(pipeline.NoCalibration)
	}
	if o.text == "" {
		return nil, nil
	}
	name, text, err := e.readText(o.text, pipeline.BuiltinCalibration)
	if err != nil {
		return nil, err
	}
	model := &pipeline.Model{Checkpoint: c}
	switch err := model.Load(); {
	case err != nil && quantize.Fits(o.Method):
		return nil, err
	case err != nil:
		e.warn(fmt.Sprintf("types are chosen by the roles of the matrices, without --calibration: %v", err))
		return nil, nil
	}
	defer model.Engine.Close()
	e.warn(pipeline.NotText(name, text), model.LongContext(o.context))
	return model.Windows(name, text, o.context, o.windows)
}

// announceTuned says what method tuned will cost, and fails where it cannot be used, with so much memory (0: what is free).
func (o *artifactOptions) announceTuned(e env, c *checkpoint.Checkpoint, windows [][]int32, memory int64) error {
	if o.Method != quantize.Tuned || windows == nil {
		return nil
	}
	cost, err := e.CheckTuned(c, windows, o.Fit, memory)
	if err == nil {
		e.Events.Note(cost.String())
		e.warn(cost.Warning())
	}
	return err
}

// measureShares measures what types are chosen by, where the text is there. What is measured is kept in a journal until
// it is of no use any more; "": nowhere.
func (o *artifactOptions) measureShares(ctx context.Context, e env, c *checkpoint.Checkpoint, m *imatrix.Matrix,
	windows [][]int32, journal string) (err error) {
	if !o.choosesTypes() {
		return nil
	}
	key, err := quantize.Provenance{}.ResumeKey(c, m)
	if err == nil {
		key, err = file.Key("probes", key, quantize.WindowsHash(windows), quantize.TypesMethod(o.Method))
	}
	if err != nil {
		return err
	}
	open := func(entry func([]byte) error) (*file.Journal, error) { return file.OpenJournal(journal, key, entry) }
	if journal == "" {
		open = nil
	}
	o.Shares, err = e.Shares(ctx, c, m, windows, quantize.TypesMethod(o.Method), open)
	return err
}

// probesJournal is the file beside an artifact that keeps what its types are chosen by.
func probesJournal(out string) string { return strings.TrimSuffix(out, ".gguf") + ".probes" }
