package cli

import (
	"context"
	"errors"
	"fmt"
	"io"

	"bitmill/cli/pipeline"
)

// Exit codes, the same for every command.
const (
	exitOK          = 0
	exitFailed      = 1
	exitUsage       = 2
	exitIncomplete  = 3 // some steps failed, or a gate was not met
	exitInterrupted = 130
)

const exitHelp = "Exit codes: 0 done, 1 failed, 2 wrong usage, 3 some steps failed or a gate was not met, " +
	"130 interrupted."

// usageError is a mistake in the command line.
type usageError = pipeline.UsageError

func usagef(format string, args ...any) error { return usageError{Err: fmt.Errorf(format, args...)} }

// incompleteError is a run in which some steps failed; what worked is kept and reported.
type incompleteError struct{ err error }

func (e incompleteError) Error() string { return e.err.Error() }
func (e incompleteError) Unwrap() error { return e.err }

// resumableError is an interruption after which the same command continues.
type resumableError struct{ err error }

func (e resumableError) Error() string { return e.err.Error() }
func (e resumableError) Unwrap() error { return e.err }

// resumable marks an interruption as one after which the same command continues.
func resumable(err error) error {
	if errors.Is(err, context.Canceled) {
		return resumableError{err}
	}
	return err
}

// exitCode maps an error to its code and prints it as one sentence.
func exitCode(err error, stderr io.Writer) int {
	if err == nil {
		return exitOK
	}
	code, text := exitFailed, err.Error()
	var usage usageError
	var incomplete incompleteError
	var resumable resumableError
	switch {
	case errors.Is(err, context.Canceled) && errors.As(err, &resumable):
		code, text = exitInterrupted, "interrupted; run the same command again to continue"
	case errors.Is(err, context.Canceled):
		code, text = exitInterrupted, "interrupted; no file was written"
	case errors.As(err, &usage):
		code = exitUsage
	case errors.As(err, &incomplete):
		code = exitIncomplete
	}
	fmt.Fprintf(stderr, "bitmill: %s\n", printable(text))
	return code
}
