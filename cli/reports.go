package cli

import (
	"bytes"
	"fmt"
	"io"

	"bitmill/eval/gate"
	"bitmill/eval/report"
	"bitmill/formats/store"
)

func openReport(path string) (*report.Report, error) {
	if st, err := store.Stat(path); err == nil && st.Folder {
		return nil, fmt.Errorf("%s is a folder: name the report.json in it", path)
	}
	data, err := store.ReadFile(path)
	if err != nil {
		return nil, err
	}
	r, err := report.ReadJSON(bytes.NewReader(data))
	if err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	return r, nil
}

// printFindings writes a line per finding, failures first, and the count; result may be nil.
func printFindings(w io.Writer, result *gate.Result) error {
	if result == nil {
		return nil
	}
	for _, f := range result.Findings {
		if _, err := fmt.Fprintln(w, printable(f.Line())); err != nil {
			return err
		}
	}
	_, err := fmt.Fprintln(w, result.Count())
	if err == nil && result.Command != "" {
		_, err = fmt.Fprintf(w, "This scores the windows that undecided findings need, and keeps those that are scored:\n  %s\n",
			printable(result.Command))
	}
	return err
}

// gateError returns an error if findings fail the check; result may be nil.
func gateError(result *gate.Result) error {
	if result == nil {
		return nil
	}
	failed := 0
	for _, f := range result.Findings {
		if f.Failed() {
			failed++
		}
	}
	if failed > 0 {
		return incompleteError{fmt.Errorf("%d of %d findings fail the check", failed, len(result.Findings))}
	}
	return nil
}
