package pipeline

import (
	"fmt"
	"os"
	"strings"
	"unicode/utf8"

	"bitmill/eval"
	"bitmill/formats/corpus"
	"bitmill/formats/demo"
	"bitmill/formats/store"
)

// Builtin, in place of a file, is the built-in text.
const Builtin = "builtin"

// text is a text and where it came from.
type text struct{ name, text, sha256 string }

// Warnings where nobody named a text and the built-in one is taken.
const (
	NoCalibration = "no calibration text was given: the built-in one is taken, which is general; a text like those that " +
		"the model is for suits it better"
	NoText = "no evaluation text was given: the built-in one is taken, which is general; on other texts the figures differ"
)

// overlapTolerated is the share of the evaluation text that may also stand in the calibration text without a warning:
// quotations.
const overlapTolerated = 0.001

// texts are the texts of a run.
type texts struct {
	calibration, evaluation text
	tasks                   []Task
	overlap                 float64 // share of the evaluation text's runs of thirteen words that calibration has too
}

// textWarnings returns a warning for each text that nobody gave, and one if the calibration text is not used.
func textWarnings(o Options) (warnings []string) {
	switch {
	case len(o.Models) > 0 && o.Calibration == "" && o.readsCalibration():
		warnings = append(warnings, NoCalibration)
	case o.Calibration != "" && !o.readsCalibration():
		why := "--imatrix"
		if o.NoImatrix {
			why = "--no-imatrix"
		}
		warnings = append(warnings, "--calibration is not used with "+why)
	}
	switch {
	case o.Text != "":
		return warnings
	case len(o.Models) == 0:
		return append(warnings, "the demo's texts were sampled from demo-l itself, which makes them easy for it: "+
			"compare artifacts of one model, not the two models")
	default:
		return append(warnings, NoText)
	}
}

// readTexts reads both texts; warnings are about their contents.
func readTexts(o Options) (t *texts, warnings []string, err error) {
	t = new(texts)
	if o.readsCalibration() {
		if t.calibration, err = o.readText(o.Calibration, demo.Calibration, BuiltinCalibration); err != nil {
			return nil, nil, err
		}
	}
	if t.evaluation, err = o.readText(o.Text, demo.Evaluation, BuiltinEvaluation); err != nil {
		return nil, nil, err
	}
	if t.tasks, err = ReadTasks(o.Tasks); err != nil {
		return nil, nil, err
	}
	for _, x := range []text{t.calibration, t.evaluation} {
		if w := NotText(x.name, x.text); w != "" {
			warnings = append(warnings, w)
		}
	}
	t.overlap = eval.Overlap(t.calibration.text, t.evaluation.text)
	if t.overlap > overlapTolerated {
		w := fmt.Sprintf("%.3g %% of the evaluation text (runs of thirteen words) also stands in the calibration "+
			"text: the artifacts will look better than they are; use texts that do not overlap", 100*t.overlap)
		if o.Strict {
			return nil, nil, fmt.Errorf("%s (--strict)", w)
		}
		warnings = append(warnings, w)
	}
	return t, warnings, nil
}

// readText reads a text file, the built-in text or, when no path is given, what suits the models: the built-in text, or
// for the demo's the text that one of them wrote, since they were trained on nothing but prose in English.
func (o *Options) readText(path, demoText string, builtin func() (name, text string, err error)) (t text, err error) {
	switch {
	case path == "" && len(o.Models) == 0:
		t.name, t.text = "embedded demo text", demoText
	case path == "" || path == Builtin:
		t.name, t.text, err = builtin()
	default:
		t.name = store.Base(path)
		t.text, err = ReadText(path)
	}
	t.sha256 = hashBytes([]byte(t.text))
	return t, err
}

// BuiltinCalibration returns the built-in text to calibrate on, and its name.
func BuiltinCalibration() (name, text string, err error) {
	return builtin("built-in calibration text", corpus.Calibration())
}

// BuiltinEvaluation returns the built-in text to evaluate on, and its name.
func BuiltinEvaluation() (name, text string, err error) {
	return builtin("built-in evaluation text", corpus.Evaluation())
}

func builtin(name, text string) (string, string, error) {
	if text == "" {
		return "", "", UsageError{fmt.Errorf("this binary was built without the %s: name a file with --text and "+
			"--calibration", name)}
	}
	return name, text, nil
}

// ReadText reads a text file.
func ReadText(path string) (string, error) {
	read := os.ReadFile // of a pipe too
	if store.IsURL(path) {
		read = store.ReadFile
	} else if st, err := os.Stat(path); err == nil && st.IsDir() {
		return "", fmt.Errorf("%s is a folder, not a text file", path)
	}
	b, err := read(path)
	return string(b), err
}

// NotText returns a warning if a file does not look like text, else "".
func NotText(name, text string) string {
	if utf8.ValidString(text) && !strings.Contains(text, "\x00") {
		return ""
	}
	return name + " is not plain text in UTF-8: what is measured on it says little"
}
