package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
)

// Exit codes, the same for every command.
const (
	exitOK          = 0
	exitFailed      = 1
	exitUsage       = 2
	exitIncomplete  = 3 // some steps failed, or a gate was not met
	exitInterrupted = 130
)

const exitHelp = `Exit codes: 0 done, 1 failed, 2 wrong usage, 3 some steps failed or a gate was not met, 130 interrupted.`

// usageError is a mistake in the command line.
type usageError struct{ err error }

func (e usageError) Error() string { return e.err.Error() }
func (e usageError) Unwrap() error { return e.err }

func usagef(format string, args ...any) error { return usageError{fmt.Errorf(format, args...)} }

// incompleteError is a run in which some steps failed; what worked is kept and reported.
type incompleteError struct{ err error }

func (e incompleteError) Error() string { return e.err.Error() }
func (e incompleteError) Unwrap() error { return e.err }

// exitCode maps an error to its code and prints it as one sentence.
func exitCode(err error, stderr io.Writer) int {
	var usage usageError
	var incomplete incompleteError
	switch {
	case err == nil:
		return exitOK
	case errors.Is(err, context.Canceled):
		fmt.Fprintln(stderr, "bitmill: interrupted; run the same command again to continue")
		return exitInterrupted
	case errors.As(err, &usage):
		fmt.Fprintf(stderr, "bitmill: %v\n", err)
		return exitUsage
	case errors.As(err, &incomplete):
		fmt.Fprintf(stderr, "bitmill: %v\n", err)
		return exitIncomplete
	}
	fmt.Fprintf(stderr, "bitmill: %v\n", err)
	return exitFailed
}
