package cli

import (
	"context"
	"fmt"

	"github.com/urfave/cli/v2"

	"bitmill/calibrate"
	"bitmill/cli/pipeline"
	"bitmill/cli/steps"
	"bitmill/formats/file"
	"bitmill/formats/imatrix"
)

type calibrateOptions struct {
	text, out        string
	context, windows int
	processOutput    bool
	force            bool // replace a file that bitmill did not write
}

func calibrateCommand() *cli.Command {
	needs := arguments(1, 1, "MODEL [-t TEXT] -o imatrix.gguf", "text", "output")
	return &cli.Command{
		Name:      "calibrate",
		Usage:     "compute an importance matrix (imatrix) over a text",
		ArgsUsage: "MODEL",
		Flags: []cli.Flag{
			&cli.StringFlag{Name: "text", TakesFile: true, Aliases: []string{"t", "f"}, Value: pipeline.Builtin,
				Usage: "calibration `TEXT` file, or builtin: general text in the binary"},
			&cli.StringFlag{Name: "output", TakesFile: true, Aliases: []string{"o"}, Value: "imatrix.gguf",
				Usage: "imatrix `FILE` to write"},
			&cli.IntFlag{Name: "ctx", Aliases: []string{"c"}, Value: 512, Usage: "tokens in a window"},
			&cli.IntFlag{Name: "chunks", Usage: "windows to use (0: all)"},
			&cli.BoolFlag{Name: "process-output", Usage: "also record the output head"},
			requantizeFlag(), loraFlag(), forceFlag(),
		},
		Action: needs.action(func(c *cli.Context, e env, args []string) error {
			if !c.IsSet("text") {
				e.warn(pipeline.NoCalibration)
			}
			return runCalibrate(c.Context, e, args[0], calibrateOptions{
				text: c.String("text"), out: c.String("output"), context: c.Int("ctx"), windows: c.Int("chunks"),
				processOutput: c.Bool("process-output"), force: c.Bool("force")})
		}),
	}
}

func runCalibrate(ctx context.Context, e env, path string, o calibrateOptions) error {
	s, err := e.Load(path)
	if err != nil {
		return err
	}
	defer s.Close()
	if err := spareInputs(append(s.Files(), o.text), o.out); err != nil {
		return err
	}
	if err := steps.CheckFree(o.out, o.force); err != nil {
		return err
	}
	name, text, err := e.readText(o.text, pipeline.BuiltinCalibration)
	if err != nil {
		return err
	}
	o.text = name
	out, err := file.Create(o.out, 0) // before the work: nobody else writes it meanwhile
	if err != nil {
		return err
	}
	defer out.Abort()
	e.warn(s.Warnings...)
	e.warn(pipeline.NotText(o.text, text), s.LongContext(o.context))
	windows, err := s.Windows(o.text, text, o.context, o.windows)
	if err != nil {
		return err
	}
	m, err := e.Calibrate(ctx, s, windows, calibrate.Options{Dataset: o.text, ProcessOutput: o.processOutput})
	if err != nil {
		return err
	}
	data, err := m.Encode()
	if err != nil {
		return err
	}
	if _, err := out.Write(data); err != nil {
		return err
	}
	if err := out.Commit(); err != nil {
		return err
	}
	return e.printCoverage(o.out, m)
}

// printCoverage prints the size of the imatrix and the columns that the text never used.
func (e env) printCoverage(path string, m *imatrix.Matrix) error {
	coverage := m.Coverage()
	if e.json {
		return e.printJSON(struct {
			Path      string `json:"path"`
			Chunks    int    `json:"chunks"`
			ChunkSize int    `json:"chunk_size"`
			Tensors   any    `json:"tensors"`
		}{path, m.Windows, m.WindowSize, coverage})
	}
	zero := 0
	for _, c := range coverage {
		if !c.Full() {
			zero++
		}
	}
	for _, w := range pipeline.ZeroColumns(m) {
		fmt.Fprintln(e.stdout, w)
	}
	_, err := fmt.Fprintf(e.stdout, "%s: %d tensors over %d windows of %d tokens, %d with gaps\n", path, len(m.Entries),
		m.Windows, m.WindowSize, zero)
	return err
}
