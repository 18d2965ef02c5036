package pipeline

import (
	"bytes"
	"fmt"
	"io"
	"os"
	"path/filepath"

	"bitmill/eval/gate"
	"bitmill/eval/report"
	"bitmill/formats/file"
	"bitmill/quantize"
)

// newReport returns a report without models.
func newReport(o *Options, t *texts, warnings []string) *report.Report {
	return &report.Report{Schema: report.Schema, Tool: "bitmill " + quantize.FormatVersion, Command: o.Command,
		Text: report.TextInfo{Name: t.evaluation.name, SHA256: t.evaluation.sha256, Context: o.Context,
			Overlap: t.overlap},
		Warnings: warnings}
}

// describeText adds how one more model tokenized the text. Where models differ, the figures become 0; a model without
// windows did not read the text.
func describeText(t *report.TextInfo, windows [][]int32) {
	n := len(windows)
	switch {
	case n == 0:
	case t.Windows != 0 && t.Windows != n:
		t.Tokens, t.Windows, t.Scored = 0, 0, 0
	default:
		length := len(windows[0])
		t.Tokens, t.Windows, t.Scored = n*length, n, n*(length-1-length/2)
	}
}

// reportNames are the files that writeReport writes.
var reportNames = []string{"report.json", "report.md", "report.html", "report.csv"}

// writeReport writes the report's files and returns the path of the first. about makes the colophon from its bytes.
func writeReport(dir string, rep *report.Report, about func(data []byte) (report.Colophon, error)) (string, error) {
	var c report.Colophon
	for i, render := range []func(io.Writer) error{
		func(w io.Writer) error { return report.WriteJSON(w, rep) },
		func(w io.Writer) error { return report.Markdown(w, rep, c) },
		func(w io.Writer) error { return report.HTML(w, rep, c) },
		func(w io.Writer) error { return report.CSV(w, rep) },
	} {
		var b bytes.Buffer
		if err := render(&b); err != nil {
			return "", fmt.Errorf("%s: %w", reportNames[i], err)
		}
		if i == 0 {
			var err error
			if c, err = about(b.Bytes()); err != nil {
				return "", err
			}
		}
		if err := file.Write(filepath.Join(dir, reportNames[i]), b.Bytes()); err != nil {
			return "", err
		}
	}
	return filepath.Join(dir, reportNames[0]), nil
}

// ReadBudget reads a file of rules; without a path it returns the rules for comparing with a baseline.
func ReadBudget(path string) ([]gate.Rule, error) {
	if path == "" {
		return gate.BaselineRules(), nil
	}
	data, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	rules, err := gate.ReadBudget(bytes.NewReader(data))
	if err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	return rules, nil
}
