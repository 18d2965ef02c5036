package pipeline

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"unicode/utf8"

	"bitmill/eval"
	"bitmill/formats/demo"
)

// text is a text and where it came from.
type text struct{ name, text, sha256 string }

// overlapTolerated is the share of the evaluation text that may also stand in the calibration text without a warning:
// quotations.
const overlapTolerated = 0.001

// texts are the texts of a run.
type texts struct {
	calibration, evaluation text
	tasks                   []Task
	overlap                 float64 // share of the evaluation text's runs of thirteen words that calibration has too
}

// textWarnings returns a warning for each text that is the demo's, and one if the calibration text is not used.
func textWarnings(o Options) (warnings []string) {
	switch {
	case len(o.Models) > 0 && o.Calibration == "" && o.calibrates():
		warnings = append(warnings, "no --calibration was given: the importance matrix is made from the demo's short "+
			"text, which says little about other texts; --no-imatrix does without one")
	case len(o.Models) > 0 && o.Calibration == "" && o.readsCalibration():
		warnings = append(warnings, "no --calibration was given: method feedback fits the values to the demo's short "+
			"text, which says little about other texts; --method reference does without one")
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
		return append(warnings, "no --text was given: the models are evaluated on the demo's short text, "+
			"which says little about them")
	}
}

// readTexts reads both texts; warnings are about their contents.
func readTexts(o Options) (t *texts, warnings []string, err error) {
	t = new(texts)
	if o.readsCalibration() {
		if t.calibration, err = readInput(o.Calibration, demo.Calibration); err != nil {
			return nil, nil, err
		}
	}
	if t.evaluation, err = readInput(o.Text, demo.Evaluation); err != nil {
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

// readInput reads a text file, or takes the demo's when the path is empty.
func readInput(path, demoText string) (text, error) {
	if path == "" && demoText == "" {
		return text{}, UsageError{errors.New("this binary was built without the demo's texts: give --text and " +
			"--calibration")}
	}
	if path == "" {
		return text{"embedded demo text", demoText, hashBytes([]byte(demoText))}, nil
	}
	s, err := ReadText(path)
	return text{filepath.Base(path), s, hashBytes([]byte(s))}, err
}

// ReadText reads a text file.
func ReadText(path string) (string, error) {
	if st, err := os.Stat(path); err == nil && st.IsDir() {
		return "", fmt.Errorf("%s is a folder, not a text file", path)
	}
	b, err := os.ReadFile(path)
	return string(b), err
}

// NotText returns a warning if a file does not look like text, else "".
func NotText(name, text string) string {
	if utf8.ValidString(text) && !strings.Contains(text, "\x00") {
		return ""
	}
	return name + " is not plain text in UTF-8: what is measured on it says little"
}
