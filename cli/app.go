// Package cli is the command line: one file per command. Commands parse flags, call the packages below and print; no
// other package knows of terminals or flags.
package cli

import (
	"context"
	"encoding/json"
	"io"
	"os"
	"os/signal"
	"runtime"
	"syscall"

	"github.com/urfave/cli/v2"

	"bitmill/eval/infer"
)

// Version is recorded in artifacts and reports, and is part of every resume key.
const Version = "0.1.0"

// env is what a command needs besides its options.
type env struct {
	stdout, stderr io.Writer
	json, quiet    bool
	threads        int
}

// Main runs the command line and returns the exit code.
func Main(args []string, stdout, stderr io.Writer) int {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	// A second Ctrl-C ends the process at once.
	context.AfterFunc(ctx, stop)
	app := newApp(stdout, stderr)
	return exitCode(app.RunContext(ctx, permute(app, args)), stderr)
}

func newApp(stdout, stderr io.Writer) *cli.App {
	app := &cli.App{
		Name:            "bitmill",
		Usage:           "quantize language models, state their size exactly, and measure what it costs",
		Version:         Version,
		Writer:          stdout,
		ErrWriter:       stderr,
		HideHelpCommand: true,
		Description:     exitHelp,
		ExitErrHandler:  func(*cli.Context, error) {}, // exitCode does it
		OnUsageError:    onUsageError,
		Action: func(c *cli.Context) error {
			if c.Args().Present() {
				return unknownCommand(c)
			}
			return cli.ShowAppHelp(c)
		},
	}
	for _, build := range []func() *cli.Command{
		runCommand, planCommand, convertCommand, calibrateCommand, quantizeCommand, evalCommand, thresholdCommand,
		inspectCommand, tokenizeCommand, generateCommand, logitsCommand,
	} {
		c := build()
		c.Flags = append(c.Flags, commonFlags()...)
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

func onUsageError(_ *cli.Context, err error, _ bool) error { return usageError{err} }

func commonFlags() []cli.Flag {
	return []cli.Flag{
		&cli.BoolFlag{Name: "json", Usage: "print the result as JSON on standard output"},
		&cli.BoolFlag{Name: "quiet", Aliases: []string{"q"}, Usage: "show no progress"},
		&cli.IntFlag{Name: "threads", Usage: "worker threads", DefaultText: "all cores"},
	}
}

// newEnv reads the common flags.
func newEnv(c *cli.Context) env {
	e := env{stdout: c.App.Writer, stderr: c.App.ErrWriter, json: c.Bool("json"), quiet: c.Bool("quiet"), threads: c.Int("threads")}
	if e.threads < 1 {
		e.threads = runtime.GOMAXPROCS(0)
	}
	return e
}

func (e env) pool() *infer.Pool { return infer.NewPool(e.threads) }

// printJSON writes v as indented JSON.
func (e env) printJSON(v any) error {
	enc := json.NewEncoder(e.stdout)
	enc.SetIndent("", " ")
	enc.SetEscapeHTML(false)
	return enc.Encode(v)
}

// arguments checks how many arguments a command was given.
func arguments(c *cli.Context, least, most int, what string) ([]string, error) {
	args := c.Args().Slice()
	if len(args) < least || (most >= 0 && len(args) > most) {
		return nil, usagef("usage: bitmill %s %s (got %d arguments); see bitmill %s --help", c.Command.Name, what, len(args), c.Command.Name)
	}
	return args, nil
}
