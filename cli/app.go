// Package cli is the command line: one file per command. Commands parse flags, call the packages below and print.
// No other package knows terminals or flags.
package cli

import (
	"context"
	"io"
	"os"
	"os/signal"
	"runtime/debug"
	"strings"
	"syscall"

	"github.com/urfave/cli/v2"

	"bitmill/formats/file"
	"bitmill/formats/store"
	"bitmill/quantize"
)

// version is the binary's: that of the module, or the commit that it was built from. Files and keys of steps record
// quantize.FormatVersion, which changes with the bytes that are written.
func version() string {
	v := "devel"
	if info, ok := debug.ReadBuildInfo(); ok && info.Main.Version != "" && info.Main.Version != "(devel)" {
		v = strings.TrimPrefix(info.Main.Version, "v")
	}
	return v + ", writes files of version " + quantize.FormatVersion
}

// Main runs the command line and returns the exit code.
func Main(args []string, stdout, stderr io.Writer) int {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	// A second Ctrl-C ends the process at once.
	context.AfterFunc(ctx, stop)
	store.SetContext(ctx)
	defer store.SetContext(context.Background())
	out := &sticky{w: stdout}
	app := newApp(out, stderr)
	args, err := permute(app, args)
	if c := helpAsked(app, args); err == nil && c != nil {
		err = printHelp(out, c, widthOf(stdout))
	} else if err == nil {
		err = file.Guard(func() error { return app.RunContext(ctx, args) })
	}
	if changed := file.WereUnchanged(); err == nil {
		err = changed
	}
	if err == nil {
		err = out.err
	}
	return exitCode(err, stderr)
}

// sticky remembers the first error of a writer. A command therefore fails when its result could not be printed, even if
// it printed piece by piece and ignored errors.
type sticky struct {
	w   io.Writer
	err error
}

func (s *sticky) Write(b []byte) (int, error) {
	if s.err != nil {
		return 0, s.err
	}
	n, err := s.w.Write(b)
	s.err = err
	return n, err
}

func newApp(stdout, stderr io.Writer) *cli.App {
	app := &cli.App{
		Name:            "bitmill",
		Usage:           "quantize language models, state their size exactly, and measure what it costs",
		Version:         version(),
		Writer:          stdout,
		ErrWriter:       stderr,
		HideHelpCommand: true,
		Description:     exitHelp + configHelp,
		// A comma may be part of a pattern: --tensor-type 'blk\.\d{1,2}\.attn_v=q8_0'.
		DisableSliceFlagSeparator: true,
		ExitErrHandler:            func(*cli.Context, error) {}, // exitCode does it
		OnUsageError:              onUsageError,
		Action: func(c *cli.Context) error {
			if c.Args().Present() {
				return unknownCommand(c)
			}
			return cli.ShowAppHelp(c)
		},
	}
	for _, build := range []func() *cli.Command{
		runCommand, planCommand, convertCommand, calibrateCommand, quantizeCommand, evalCommand, benchCommand,
		thresholdCommand, checkCommand, reportCommand, recommendCommand, batchCommand, inspectCommand, diffCommand, verifyCommand,
		splitCommand, mergeCommand, tokenizeCommand, generateCommand, logitsCommand, formatsCommand, completionCommand,
		manCommand,
	} {
		c := build()
		c.Flags = append(c.Flags, commonFlags()...)
		c.Before, c.Action = namesPlaces(checkFlags), namesPlaces(c.Action)
		c.OnUsageError = onUsageError
		c.HideHelpCommand = true
		if c.Description != "" {
			c.Description += "\n\n"
		}
		c.Description += exitHelp
		app.Commands = append(app.Commands, c)
	}
	return app
}

func onUsageError(_ *cli.Context, err error, _ bool) error { return usageError{Err: err} }
