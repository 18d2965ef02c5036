package pipeline

import (
	"cmp"
	"errors"
	"fmt"

	"bitmill/quantize"
)

// checkMethod sets the method of the job's artifacts. Feedback needs a text, and a model whose layers run alone. The
// model is loaded.
func (j *job) checkMethod() error {
	if j.method = cmp.Or(j.o.Recipe.Method, quantize.Reference); j.method == quantize.Reference {
		return nil
	}
	if j.calibration == nil {
		return UsageError{errors.New("method feedback fits on the calibration text: leave out --no-imatrix, or give " +
			"--method reference")}
	}
	if err := j.source.Engine.Cut(0); err != nil {
		return fmt.Errorf("%s: method feedback: %w; give --method reference", j.name, err)
	}
	_, err := feedbackGroup(j.source.Checkpoint, j.calibration, j.o.Recipe.Fit, 1)
	return err
}
