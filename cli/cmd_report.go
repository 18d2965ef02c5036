package cli

import (
	"bytes"
	"cmp"
	"io"
	"path/filepath"

	"github.com/urfave/cli/v2"

	"bitmill/cli/steps"
	"bitmill/eval/paired"
	"bitmill/eval/report"
	"bitmill/formats/file"
	"bitmill/formats/store"
)

type reportOptions struct {
	page, markdown string // files; "" is none
	force          bool
}

func reportCommand() *cli.Command {
	return &cli.Command{
		Name:      "report",
		Usage:     "hold runs over one text beside each other, on a page",
		ArgsUsage: "OLD.json... NEW.json",
		Description: `The last report is compared with the one before it, file by file on the windows that both have: a file is
better or worse when its divergence is so beyond the error, corrected for the number of files. Of more than two, the page
shows the trend. One report alone is rendered again.`,
		Flags: []cli.Flag{
			&cli.StringFlag{Name: "output", Aliases: []string{"o"}, TakesFile: true, Usage: "write the page to `FILE`, as HTML"},
			&cli.StringFlag{Name: "markdown", TakesFile: true, Usage: "write it to `FILE` as Markdown"},
			forceFlag(),
		},
		Action: arguments(1, -1, "OLD.json... NEW.json").action(func(c *cli.Context, e env, args []string) error {
			return runReport(e, args, reportOptions{c.String("output"), c.String("markdown"), c.Bool("force")})
		}),
	}
}

// rendering is a report or a comparison in its forms.
type rendering struct {
	html, markdown, table func(io.Writer) error
	json                  func(e env) error
}

func runReport(e env, paths []string, o reportOptions) error {
	if o.page != "" && filepath.Clean(o.page) == filepath.Clean(o.markdown) {
		return usagef("--output and --markdown name the same file, %s: give each its own", o.page)
	}
	if err := spareInputs(paths, o.page, o.markdown); err != nil {
		return err
	}
	for _, out := range []string{o.page, o.markdown} {
		if out != "" {
			if err := cmp.Or(file.CheckTarget(out), steps.CheckFree(out, o.force)); err != nil {
				return err
			}
		}
	}
	r, err := renderingOf(paths)
	if err != nil {
		return err
	}
	for _, form := range []struct {
		path  string
		write func(io.Writer) error
	}{{o.page, r.html}, {o.markdown, r.markdown}} {
		if form.path == "" {
			continue
		}
		var b bytes.Buffer
		if err := form.write(&b); err != nil {
			return err
		}
		if err := file.Write(form.path, b.Bytes()); err != nil {
			return err
		}
	}
	if e.json {
		return r.json(e)
	}
	return r.table(e.stdout)
}

// renderingOf reads one report, or compares several.
func renderingOf(paths []string) (rendering, error) {
	var reports []*report.Report
	for _, path := range paths {
		r, err := openReport(path)
		if err != nil {
			return rendering{}, err
		}
		reports = append(reports, r)
	}
	if len(reports) == 1 {
		r := reports[0]
		return rendering{
			func(w io.Writer) error { return report.HTML(w, r, report.Colophon{}) },
			func(w io.Writer) error { return report.Markdown(w, r, report.Colophon{}) },
			func(w io.Writer) error { return report.Table(w, r) },
			func(e env) error { return report.WriteJSON(e.stdout, r) }}, nil
	}
	c, err := report.Compare(reports, runNames(paths), paired.Options{}.For(1000))
	if err != nil {
		return rendering{}, err
	}
	return rendering{c.HTML, c.Markdown, c.Table, func(e env) error { return e.printJSON(c) }}, nil
}

// runNames are the names of runs: that of its folder where a report is report.json in one, or else its path.
func runNames(paths []string) []string {
	names := make([]string, len(paths))
	for i, path := range paths {
		if store.Base(path) == "report.json" && store.Dir(path) != "." {
			path = store.Dir(path)
		}
		if names[i] = store.Plain(path); !store.IsURL(path) {
			names[i] = filepath.Clean(path)
		}
	}
	return names
}
