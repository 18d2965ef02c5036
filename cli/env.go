package cli

import (
	"encoding/json"
	"fmt"
	"io"
	"slices"

	"github.com/urfave/cli/v2"

	"bitmill/cli/pipeline"
	"bitmill/formats/checkpoint"
)

// env is the environment of a command.
type env struct {
	pipeline.Session
	stdin          io.Reader
	stdout, stderr io.Writer
	json, quiet    bool
	terminal       *terminal
}

// newEnv reads the common flags.
func newEnv(c *cli.Context) env {
	e := makeEnv(c.App.Writer, c.App.ErrWriter, c.Bool("json"), c.Bool("quiet"))
	if c.IsSet("threads") {
		e.Threads = c.Int("threads")
	}
	e.stdin, e.Source = c.App.Reader, sourceOptions(c)
	return e
}

// makeEnv returns an environment with all threads.
func makeEnv(stdout, stderr io.Writer, json, quiet bool) env {
	e := env{stdout: &spelled{w: stdout, json: json}, stderr: &spelled{w: stderr}, json: json, quiet: quiet}
	t := &terminal{stdout: e.stdout, stderr: stderr, quiet: quiet}
	e.terminal = t
	e.Session = pipeline.Session{Events: t, Threads: checkpoint.Workers(0), Tuner: tuner}
	if json {
		e.Events = jsonOutput{t}
	}
	return e
}

// readText reads a text file, the built-in text for its name, or standard input for stream. The name is that of errors
// and records.
func (e env) readText(path string, builtin func() (name, text string, err error)) (name, text string, err error) {
	switch {
	case path == stream:
	case path == pipeline.Builtin && builtin != nil:
		return builtin()
	default:
		text, err = pipeline.ReadText(path)
		return path, text, err
	}
	b, err := io.ReadAll(e.stdin)
	if err != nil {
		err = fmt.Errorf("standard input cannot be read: %w", err)
	}
	return "standard input", string(b), err
}

// warn prints warnings, but not empty ones, and each once: several models may share a tokenizer.
func (e env) warn(warnings ...string) {
	for _, w := range pipeline.Fold(warnings) {
		if w != "" && !slices.Contains(e.terminal.warned, w) {
			e.terminal.warned = append(e.terminal.warned, w)
			e.Events.Warn(w)
		}
	}
}

// printJSON writes v as indented JSON.
func (e env) printJSON(v any) error {
	enc := json.NewEncoder(e.stdout)
	enc.SetIndent("", " ")
	enc.SetEscapeHTML(false)
	return enc.Encode(v)
}
