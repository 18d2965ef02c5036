package pipeline

import (
	"encoding/json"
	"path/filepath"
	"time"

	"bitmill/cli/steps"
	"bitmill/eval/gate"
	"bitmill/eval/machine"
	"bitmill/eval/report"
	"bitmill/formats/cpu"
)

// colophonStep records when, where and how long the figures of a report were made. Its key is the hash of report.json: a
// run that finds all figures there tells when they were measured, and not when it looked.
const colophonStep = "report"

// worked reports whether an earlier run left work in one of the models' folders.
func worked(jobs []*job) bool {
	for _, j := range jobs {
		if records, err := filepath.Glob(filepath.Join(j.store.Dir, ".bitmill", "*.json*")); err == nil && len(records) > 0 {
			return true
		}
	}
	return false
}

// colophon says when and where the report with these bytes was made: by this run, unless an earlier one made the same.
func colophon(o *Options, folder steps.Store, data []byte, started time.Time, continued bool) (c report.Colophon, err error) {
	c = report.Colophon{Finished: time.Now().UTC().Truncate(time.Second), Seconds: time.Since(started).Seconds(),
		Continued: continued, Build: o.Build, Processor: machine.Processor(), Threads: o.Threads, Kernel: cpu.Best()}
	k := key(colophonStep, hashBytes(data))
	if rec, ok := folder.Done(colophonStep, k); ok {
		var old report.Colophon
		if json.Unmarshal(rec.Data, &old) == nil {
			c = old
		}
	} else {
		err = folder.Save(colophonStep, k, nil, c)
	}
	c.Command = o.CommandLine
	return c, err
}

// verdict is the result of a check as the report shows it.
func verdict(r *gate.Result) *report.Verdict {
	if r == nil {
		return nil
	}
	v := &report.Verdict{Passed: r.Passed, Count: r.Count()}
	for _, f := range r.Findings {
		v.Findings = append(v.Findings, report.Finding{Rule: f.Rule, Model: f.Model, Format: f.Format,
			Status: string(f.Status), Reason: f.Reason,
			Failed: f.Failed(), Undecided: f.Status == gate.Undecided})
	}
	return v
}
