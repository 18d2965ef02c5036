package cli

import (
	"bytes"
	"cmp"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"regexp"
	"strings"

	"github.com/urfave/cli/v2"

	"bitmill/cli/pipeline"
	"bitmill/cli/steps"
	"bitmill/eval/gate"
	"bitmill/eval/report"
	"bitmill/formats"
	"bitmill/formats/file"
	"bitmill/formats/store"
)

type checkOptions struct {
	baseline, budget string // files; "" is none
	junit, summary   string
	strict           bool
	force            bool
}

func checkCommand() *cli.Command {
	needs := arguments(1, 1, "REPORT.json --baseline REPORT.json|--budget FILE")
	return &cli.Command{
		Name:      "check",
		Usage:     "check a report against a budget or an earlier report",
		ArgsUsage: "REPORT.json",
		Description: "A limit on a measured quantity is broken only when the measurement says so beyond its error, " +
			"corrected for the number of rules. With --baseline alone no artifact may be worse in kld, ppl, " +
			"same_top or payload_bits. Where a part of the text was scored and all of it may say otherwise, a finding is " +
			"undecided: it says how many windows decide, and the command that scores them is printed. A budget is YAML:\n\n" +
			"   rules:\n     - {metric: kld, format: Q4_K_M, max: 0.01}\n" +
			"     - {metric: ppl, model: demo-*, worse: 1%}     # than the baseline\n" +
			"     - {metric: same_top, min: 0.9}",
		Flags: []cli.Flag{
			&cli.StringFlag{Name: "baseline", TakesFile: true, Usage: "an earlier `REPORT.json` over the same text"},
			&cli.StringFlag{Name: "budget", TakesFile: true, Usage: "`FILE` with rules"},
			&cli.StringFlag{Name: "junit", TakesFile: true, Usage: "write the findings to `FILE` as JUnit XML"},
			&cli.StringFlag{Name: "summary", TakesFile: true,
				Usage: "append the findings to `FILE` as Markdown (on GitHub: \"$GITHUB_STEP_SUMMARY\")"},
			&cli.BoolFlag{Name: "strict", Usage: "a limit exceeded within the measurement error counts as broken too"},
			forceFlag(),
		},
		Action: needs.action(func(c *cli.Context, e env, args []string) error {
			o := checkOptions{c.String("baseline"), c.String("budget"), c.String("junit"), c.String("summary"),
				c.Bool("strict"), c.Bool("force")}
			if o.baseline == "" && o.budget == "" {
				return usagef("check needs --baseline REPORT.json, --budget FILE, or both")
			}
			if err := o.checkTargets(args[0], o.baseline, o.budget); err != nil {
				return err
			}
			rep, err := openReport(args[0])
			if err != nil {
				return err
			}
			return checkReport(e, args[0], rep, o)
		}),
	}
}

// checkTargets refuses to write over what is read, and over what bitmill did not write.
func (o *checkOptions) checkTargets(inputs ...string) error {
	if err := spareInputs(inputs, o.junit, o.summary); err != nil || o.junit == "" {
		return err
	}
	return cmp.Or(file.CheckTarget(o.junit), steps.CheckFree(o.junit, o.force))
}

// checkReport prints one line per finding and fails when one does.
func checkReport(e env, path string, rep *report.Report, o checkOptions) error {
	rules, err := pipeline.ReadBudget(o.budget)
	if err != nil {
		return err
	}
	var baseline *report.Report
	if o.baseline != "" {
		if baseline, err = openReport(o.baseline); err != nil {
			return err
		}
	}
	result, err := gate.Check(rep, baseline, rules, gate.Options{Strict: o.strict})
	if err != nil {
		return err
	}
	result.Command = deciding(rep, result, path, o.budget)
	if err := writeFindings(result, o); err != nil {
		return err
	}
	if e.json {
		err = e.printJSON(result)
	} else {
		err = printFindings(e.stdout, result)
	}
	return cmp.Or(err, gateError(result))
}

// deciding is the command that scores the windows which undecided findings need, into the folder of the report; "" when
// all are decided, or when it is not known how the report was made.
func deciding(rep *report.Report, result *gate.Result, path, budget string) string {
	until := ""
	for _, f := range result.Findings {
		switch {
		case f.Status != gate.Undecided:
		case f.Relative() || budget == "": // --until decided knows no baseline
			until = "--windows all"
		case until == "":
			until = "--until decided --budget " + formats.ShellWords(budget)
		}
	}
	flags, ok := strings.CutPrefix(rep.Command, "bitmill run")
	if until == "" || !ok {
		return ""
	}
	out := "-o DIR"
	if filepath.Base(path) == "report.json" && !store.IsURL(path) {
		out = "-o " + formats.ShellWords(filepath.Dir(path))
	}
	return fmt.Sprintf("bitmill run %s %s%s", out, until, windowsFlag.ReplaceAllString(flags, ""))
}

// windowsFlag is what a report's command says of how much of the text is evaluated.
var windowsFlag = regexp.MustCompile(` --(until|windows) ('[^']*'|\S+)`)

// writeFindings writes the files that CI systems read.
func writeFindings(result *gate.Result, o checkOptions) error {
	if o.junit != "" {
		var b bytes.Buffer
		if err := gate.WriteJUnit(&b, result); err != nil {
			return err
		}
		if err := file.Write(o.junit, b.Bytes()); err != nil {
			return err
		}
	}
	if o.summary == "" {
		return nil
	}
	f, err := os.OpenFile(o.summary, os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o644)
	if err != nil {
		return err
	}
	err = gate.WriteSummary(io.Writer(f), result)
	if cerr := f.Close(); err == nil {
		err = cerr
	}
	return err
}
