package cli

import (
	"bytes"
	"cmp"
	"context"
	"fmt"
	"io"
	"os"
	"path/filepath"

	"github.com/urfave/cli/v2"

	"bitmill/cli/steps"
	"bitmill/eval"
	"bitmill/eval/report"
	"bitmill/eval/threshold"
	"bitmill/formats/demo"
	"bitmill/formats/file"
	"bitmill/quantize"
)

type runOptions struct {
	out               string
	formats           []string
	all               bool   // every format: those that cannot be made are left out
	calibration, text string // files; "" is the demo's text
	noImatrix         bool
	context, chunks   int
	budget            float64
	strict            bool
	recipe            quantize.Options
	include, exclude  []string // parts of names of the imatrix's entries
	memory            int64    // bytes
	command           string
	bench             bool
	gate              string // budget file for the check at the end; "" is none
}

func runCommand() *cli.Command {
	return &cli.Command{
		Name:      "run",
		Usage:     "the whole pipeline: plan, calibrate, quantize, evaluate, thresholds, report",
		ArgsUsage: "[MODEL...]",
		Description: "Without a MODEL it runs on the embedded demo models. A run that was interrupted continues where it was: " +
			"what is in the output folder is kept as long as it was made from the same inputs and options.",
		Flags: append([]cli.Flag{
			&cli.StringFlag{Name: "output", Aliases: []string{"o"}, Usage: "output `DIR`"},
			&cli.StringSliceFlag{Name: "formats", Aliases: []string{"f"}, Usage: "comma-separated `FORMATS` or all (default: the seven headline formats)"},
			&cli.StringFlag{Name: "calibration", Usage: "calibration `TEXT` file (default: the demo's)"},
			&cli.StringFlag{Name: "text", Aliases: []string{"t"}, Usage: "evaluation `TEXT` file (default: the demo's)"},
			&cli.BoolFlag{Name: "no-imatrix", Usage: "quantize without calibrating"},
			&cli.IntFlag{Name: "ctx", Aliases: []string{"c"}, Value: eval.DefaultContext, Usage: "tokens in a window"},
			&cli.IntFlag{Name: "chunks", Usage: "windows to calibrate on and to evaluate (0: all)"},
			&cli.Float64Flag{Name: "kld-budget", Value: 0.1, Usage: "divergence in nats that the fidelity threshold allows"},
			&cli.StringFlag{Name: "budget", Usage: "check the report against the rules in `FILE` (see bitmill check --help)"},
			&cli.BoolFlag{Name: "bench", Usage: "measure speed, memory and energy of every file too, as bitmill bench does"},
			memoryFlag(),
		}, append(weightFlags(), recipeFlags()...)...),
		Action: func(c *cli.Context) error {
			if err := required(c, "output"); err != nil {
				return err
			}
			names, all, err := formatNames(c.StringSlice("formats"))
			if err != nil {
				return err
			}
			o := runOptions{
				out: c.String("output"), formats: names, all: all, calibration: c.String("calibration"), text: c.String("text"), noImatrix: c.Bool("no-imatrix"),
				context: cmp.Or(c.Int("ctx"), eval.DefaultContext), chunks: c.Int("chunks"), budget: c.Float64("kld-budget"), strict: c.Bool("strict"), command: commandLine(c, "output", "json", "quiet", "threads", "max-memory", "budget", "bench"),
				bench: c.Bool("bench"), gate: c.String("budget"),
				include: c.StringSlice("include-weights"), exclude: c.StringSlice("exclude-weights"),
			}
			if o.recipe, err = recipeOptions(c); err != nil {
				return err
			}
			if o.memory, err = memory(c); err != nil {
				return err
			}
			return resumable(runRun(c.Context, newEnv(c), c.Args().Slice(), o))
		},
	}
}

// overlapTolerated is the share of the evaluation text that may stand in the calibration text unmentioned: quotations.
const overlapTolerated = 0.001

// textInput is a text and where it came from.
type textInput struct{ name, text, sha256 string }

// readInput reads a text file, or takes the demo's when the path is empty.
func readInput(path, demoText string) (textInput, error) {
	if path == "" && demoText == "" {
		return textInput{}, usagef("this binary was built without the demo's texts: give --text and --calibration")
	}
	if path == "" {
		return textInput{"embedded demo text", demoText, hashBytes([]byte(demoText))}, nil
	}
	text, err := readText(path)
	return textInput{filepath.Base(path), text, hashBytes([]byte(text))}, err
}

func runRun(ctx context.Context, e env, models []string, o runOptions) error {
	if e.source.Adapter != "" && len(models) != 1 {
		return usagef("--lora belongs to one model: give one")
	}
	if o.gate != "" { // a mistake in it shows before hours of work
		if _, err := readBudget(o.gate); err != nil {
			return err
		}
	}
	release := func() {}
	defer func() { release() }()
	lock := func() (err error) {
		store := steps.Store{Dir: o.out}
		if err = store.MakeFolder(); err == nil {
			release, err = store.Lock()
		}
		return err
	}
	var warnings []string
	isDemo := len(models) == 0
	if isDemo {
		err := lock()
		if err == nil {
			models, err = unpackDemo(o.out)
		}
		if err != nil {
			return err
		}
		if o.text == "" {
			warnings = append(warnings, "the demo's texts were sampled from demo-l itself, which makes them easy for it: compare artifacts of one model, not the two models")
		}
	} else if o.text == "" {
		warnings = append(warnings, "no --text was given: the models are evaluated on the demo's short text, which says little about them")
	}
	var calibration textInput
	if !o.noImatrix {
		var err error
		if calibration, err = readInput(o.calibration, demo.Calibration); err != nil {
			return err
		}
	}
	text, err := readInput(o.text, demo.Evaluation)
	if err != nil {
		return err
	}
	for _, t := range []textInput{calibration, text} {
		if w := notText(t.name, t.text); w != "" {
			warnings = append(warnings, w)
		}
	}
	overlap := eval.Overlap(calibration.text, text.text)
	if overlap > overlapTolerated {
		w := fmt.Sprintf("%.3g %% of the evaluation text (runs of thirteen words) also stands in the calibration text: the artifacts will look better than they are; use texts that do not overlap", 100*overlap)
		if o.strict {
			return fmt.Errorf("%s (--strict)", w)
		}
		warnings = append(warnings, w)
	}
	rep := &report.Report{Schema: report.Schema, Tool: "bitmill " + Version, Command: o.command,
		Text: report.TextInfo{Name: text.name, SHA256: text.sha256, Context: o.context, Overlap: overlap}, Warnings: warnings}
	names, err := outputNames(models)
	if err != nil {
		return err
	}
	var runs []*modelRun
	defer func() {
		for _, r := range runs {
			r.source.Close()
		}
	}()
	// Every model is opened and planned before any is worked on, so that a mistake shows at once, and leaves nothing.
	for i, path := range models {
		r := &modelRun{env: e, o: o, name: names[i], store: steps.Store{Dir: filepath.Join(o.out, names[i])}, calibrationText: calibration, text: text}
		if err := r.open(path); err != nil {
			return err
		}
		runs = append(runs, r)
		if err := r.plan(); err != nil {
			return err
		}
	}
	e.warn(warnings...)
	if !isDemo {
		if err := lock(); err != nil {
			return err
		}
	}
	if err := prepare(o.out, runs); err != nil {
		return err
	}
	for _, r := range runs {
		m, err := r.run(ctx)
		if err != nil {
			return err
		}
		rep.Models = append(rep.Models, *m)
		rep.Text.Tokens, rep.Text.Windows, rep.Text.Scored = r.tokens(rep.Text)
	}
	rep.Fit(threshold.Options{Budget: o.budget})
	if err := writeReport(e, o.out, rep); err != nil || o.gate == "" {
		return err
	}
	e.json = false // the report has been printed
	return checkReport(e, rep, checkOptions{budget: o.gate, strict: o.strict})
}

// outputNames gives every model a folder name of its own.
func outputNames(models []string) ([]string, error) {
	seen := map[string]string{}
	var names []string
	for _, path := range models {
		n := modelName(path)
		if other, ok := seen[n]; ok {
			return nil, usagef("%s and %s would both be written to the folder %s: rename one", other, path, n)
		}
		seen[n] = path
		names = append(names, n)
	}
	return names, nil
}

// unpackDemo writes the embedded models as folders and returns their paths.
func unpackDemo(out string) ([]string, error) {
	var paths []string
	for _, m := range demo.Models() {
		dir := filepath.Join(out, "demo-models", m.Name)
		if err := os.MkdirAll(dir, 0o755); err != nil {
			return nil, err
		}
		files, err := m.Files()
		if err != nil {
			return nil, err
		}
		for _, f := range files {
			path := filepath.Join(dir, f.Name)
			if old, err := os.ReadFile(path); err == nil && hashBytes(old) == hashBytes(f.Data) {
				continue
			}
			if err := file.Write(path, f.Data); err != nil {
				return nil, err
			}
		}
		paths = append(paths, dir)
	}
	if len(paths) == 0 {
		return nil, usagef("this binary was built without the demo models: name a MODEL")
	}
	return paths, nil
}

// reportNames are the files that writeReport writes.
var reportNames = []string{"report.json", "report.md", "report.html"}

// prepare makes the models' folders, clears away what a killed run left half-written, and checks that every file can
// be written and that all fit on the disk. Files of an earlier run are written over or kept.
func prepare(out string, runs []*modelRun) error {
	var targets []string
	for _, n := range reportNames {
		targets = append(targets, filepath.Join(out, n))
	}
	need := int64(0)
	for _, r := range runs {
		if err := r.store.MakeFolder(); err != nil {
			return err
		}
		need += r.need
		targets = append(targets, filepath.Join(r.store.Dir, imatrixName))
		for _, f := range r.formats {
			path := filepath.Join(r.store.Dir, r.artifactPath(f))
			targets = append(targets, path)
			for _, there := range []string{path, path + ".part"} {
				if st, err := os.Stat(there); err == nil {
					need -= st.Size()
				}
			}
		}
		if err := r.clearParts(); err != nil {
			return err
		}
	}
	for _, path := range targets {
		if err := file.CheckTarget(path); err != nil {
			return err
		}
	}
	return file.CheckSpace(out, max(need, 0))
}

// writeReport writes the report's three files and prints its table.
func writeReport(e env, dir string, rep *report.Report) error {
	for i, render := range []func(io.Writer, *report.Report) error{report.WriteJSON, report.Markdown, report.HTML} {
		var b bytes.Buffer
		if err := render(&b, rep); err != nil {
			return fmt.Errorf("%s: %w", reportNames[i], err)
		}
		if err := file.Write(filepath.Join(dir, reportNames[i]), b.Bytes()); err != nil {
			return err
		}
	}
	if e.json {
		return report.WriteJSON(e.stdout, rep)
	}
	if err := report.Table(e.stdout, rep); err != nil {
		return err
	}
	_, err := fmt.Fprintf(e.stdout, "\nreport: %s\n", filepath.Join(dir, "report.html"))
	return err
}
