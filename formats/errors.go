package formats

import (
	"errors"
	"fmt"
)

// Sentinels that readers wrap; test with errors.Is.
var (
	// ErrCorrupt marks bytes that break their format's own rules.
	ErrCorrupt = errors.New("corrupt")
	// ErrUnsupported marks valid input that bitmill does not handle.
	ErrUnsupported = errors.New("not supported")
)

// CorruptError says where a file breaks the rules of its format. It is an ErrCorrupt.
type CorruptError struct {
	File   string
	Offset int64  // of the field, from the start of the file; negative when it has no offset of its own
	Field  string // what was being read, in the format's words
	Reason string
}

func (e *CorruptError) Error() string {
	field := OneLine(e.Field) // a damaged name may be anything
	if e.Offset < 0 {
		return fmt.Sprintf("%s is corrupt: %s: %s", e.File, field, e.Reason)
	}
	return fmt.Sprintf("%s is corrupt at byte %d: %s: %s", e.File, e.Offset, field, e.Reason)
}

// Is makes errors.Is(err, ErrCorrupt) true.
func (e *CorruptError) Is(target error) bool { return target == ErrCorrupt }

// Corruptf builds a CorruptError with a formatted reason.
func Corruptf(file string, offset int64, field, format string, args ...any) error {
	return &CorruptError{File: file, Offset: offset, Field: field, Reason: fmt.Sprintf(format, args...)}
}
