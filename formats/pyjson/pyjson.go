// Package pyjson reads JSON as Python's json module does, since Python wrote the files of a checkpoint and transformers
// reads them. More than RFC 8259 it takes:
//
//   - NaN, Infinity and -Infinity, and transformers 5's {"__float__": "Infinity"} for them
//   - a byte order mark at the beginning
//   - the last one of a key that occurs twice, as a whole
//   - whole numbers written as 20.0 or 2e1, and numbers in quotes, where a number belongs
//   - 0 and 1 where true or false belongs
//
// A value that does not fit costs that value alone: the rest is decoded, and the error lists what did not fit.
package pyjson

import (
	"fmt"
	"strings"

	"bitmill/formats"
)

// SyntaxError reports data that are not JSON.
type SyntaxError struct {
	Offset int64 // of the byte at which reading ended
	What   string
}

// Error implements error.
func (e *SyntaxError) Error() string { return fmt.Sprintf("JSON at byte %d: %s", e.Offset, e.What) }

// Misfit is a value that its key cannot have.
type Misfit struct {
	Key    string // the keys and positions that lead to the value: rope_scaling.factor, layer_types[3]; "": the whole
	What   string // "a string where a whole number belongs"
	Offset int64  // of the value
}

// String is a clause: the key, and what it holds.
func (m Misfit) String() string {
	if m.Key == "" {
		return "it holds " + m.What
	}
	return m.Key + " holds " + m.What
}

// Top is the outermost key.
func (m Misfit) Top() string {
	key, _, _ := strings.Cut(m.Key, ".")
	key, _, _ = strings.Cut(key, "[")
	return key
}

// Misfits are the values that did not fit. What they belong to is left as it was; everything else has been decoded.
type Misfits []Misfit

// Error implements error: the first one and the number of the others.
func (m Misfits) Error() string {
	switch len(m) {
	case 1:
		return m[0].String()
	case 2:
		return m[0].String() + ", and " + m[1].String()
	}
	return fmt.Sprintf("%v, and %d other values do not fit", m[0], len(m)-1)
}

// Corrupt turns an error of Unmarshal into formats.ErrCorrupt with the file and the offset.
func Corrupt(path string, err error) error {
	switch err := err.(type) {
	case nil:
		return nil
	case *SyntaxError:
		return formats.Corruptf(path, err.Offset, "JSON", "%s", err.What)
	case Misfits:
		return formats.Corruptf(path, err[0].Offset, "JSON", "%v", err)
	}
	return err
}

// mostWarnings is how many values of a file are named one by one.
const mostWarnings = 5

// Lenient keeps what an error of Unmarshal left decoded: values that did not fit become warnings that name the file and
// the key, sentences without a full stop. Any other error is returned as Corrupt does.
func Lenient(path string, err error) (warnings []string, fatal error) {
	misfits, ok := err.(Misfits)
	if !ok {
		return nil, Corrupt(path, err)
	}
	for i, m := range misfits {
		if i == mostWarnings {
			return append(warnings, fmt.Sprintf("%s: %d other values do not fit and are ignored", path, len(misfits)-i)), nil
		}
		warnings = append(warnings, fmt.Sprintf("%s: %v; this value is ignored", path, m))
	}
	return warnings, nil
}

// Under puts a key before those of the misfits in err, which come from a value that was decoded on its own.
func Under(key string, err error) error {
	misfits, ok := err.(Misfits)
	if !ok {
		return err
	}
	for i, m := range misfits {
		misfits[i].Key = strings.TrimSuffix(key+"."+m.Key, ".")
	}
	return misfits
}

// Null reports whether a raw value is absent or null.
func Null(raw []byte) bool { return len(raw) == 0 || string(raw) == "null" }

// Keys lists the keys of a valid object in their order, each once; of anything else there are none.
func Keys(data []byte) (keys []string) {
	d := decoder{scanner: scanner{data: trimMark(data)}}
	if d.space() != '{' {
		return nil
	}
	seen := map[string]bool{}
	d.enter()
	for first := true; d.more(first, '}'); first = false {
		if key := unquote(d.key()); !seen[key] {
			seen[key] = true
			keys = append(keys, key)
		}
		d.space()
		d.skip()
	}
	return keys
}
