package pipeline

import (
	"cmp"
	"errors"
	"fmt"

	"bitmill/quantize"
)

// Automatic, as Options.Recipe.Method, is feedback for the models that it can be used on, and reference for others.
const Automatic = "automatic"

// checkMethod sets the method of the job's artifacts. Feedback needs a text, a model whose layers run alone, and memory;
// tuned needs what CheckTuned says, too. The model is loaded.
func (j *job) checkMethod() error {
	asked := cmp.Or(j.o.Recipe.Method, quantize.Reference)
	if j.method = asked; asked == quantize.Reference {
		return nil
	}
	err := j.allowsFeedback()
	if err == nil && asked == quantize.Tuned {
		if j.tuning, err = j.CheckTuned(j.source.Checkpoint, j.calibration, j.o.Recipe.Fit, j.o.Memory); err == nil {
			if w := j.tuning.Warning(); w != "" {
				j.warn("%s: %s", j.name, w)
			}
		}
	}
	if asked != Automatic {
		return err
	}
	j.method = quantize.Feedback
	if err != nil {
		j.method = quantize.Reference
		if chosen := (UsageError{}); !errors.As(err, &chosen) {
			j.warn("%s is quantized with method reference: %v", j.name, err)
		}
	}
	return nil
}

// allowsFeedback fails where method feedback cannot be used: with a UsageError if that was the user's choice.
func (j *job) allowsFeedback() error {
	if j.calibration == nil {
		return UsageError{errors.New("method feedback fits on the calibration text: leave out --no-imatrix, or give " +
			"--method reference")}
	}
	if err := j.source.Engine.Cut(0); err != nil {
		return fmt.Errorf("%s: method feedback: %w; give --method reference", j.name, err)
	}
	var err error
	j.room, err = feedbackRoom(j.source.Checkpoint, j.calibration, j.o.Recipe.Fit, len(j.o.variants()), j.o.Memory)
	return err
}

// options is Options.Recipe with the job's method.
func (j *job) options() quantize.Options {
	o := j.o.Recipe
	if o.Method = ""; j.method != quantize.Reference {
		o.Method = j.method
	} else {
		o.Fit = quantize.Fit{}
	}
	return o
}
