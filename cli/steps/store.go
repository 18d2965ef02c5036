// Package steps makes long jobs resumable: a step is recorded beside its outputs under a key that covers everything
// the outputs depend on, and is done again only when the key or an output has changed.
package steps

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"bitmill/formats/file"
	"bitmill/formats/store"
)

// Store keeps the records of one folder of outputs, in its subfolder .bitmill.
type Store struct{ Dir string }

// Record says that a step has been done.
type Record struct {
	Step    string          `json:"step"`
	Key     string          `json:"key"`
	Outputs []file.Written  `json:"outputs,omitempty"` // paths are relative to the store's folder
	Data    json.RawMessage `json:"data,omitempty"`    // anything the step wants to keep
}

func (s Store) path(step string) string { return filepath.Join(s.Dir, ".bitmill", step+".json") }

// Done returns the step's record when it carries the key and every output still has the recorded size and hash.
func (s Store) Done(step, key string) (*Record, bool) {
	if r, ok := s.read(step); !ok || r.Key != key {
		return nil, false
	}
	return s.Intact(step)
}

// Intact returns the step's record, whatever its key, when every output still has the recorded size and hash.
func (s Store) Intact(step string) (*Record, bool) {
	r, ok := s.read(step)
	if !ok {
		return nil, false
	}
	for _, o := range r.Outputs {
		path := filepath.Join(s.Dir, o.Path)
		if st, err := os.Stat(path); err != nil || st.Size() != o.Bytes {
			return nil, false
		}
		if sum, err := HashFile(path); err != nil || sum != o.SHA256 {
			return nil, false
		}
	}
	return r, true
}

// Has reports whether the step has a record, whatever has become of its outputs.
func (s Store) Has(step string) bool {
	_, ok := s.read(step)
	return ok
}

func (s Store) read(step string) (*Record, bool) {
	b, err := file.Read(s.path(step))
	if err != nil {
		return nil, false
	}
	var r Record
	if json.Unmarshal(b, &r) != nil || r.Step != step || slices.ContainsFunc(r.Outputs, outside) {
		return nil, false
	}
	return &r, true
}

// outside reports whether a record names a file that is not in the store's folder: steps remove and replace their
// outputs, and anybody may have written the record.
func outside(o file.Written) bool { return !filepath.IsLocal(o.Path) }

// Recorded returns the record of the file at path from its folder's store. At most one step writes a file; of several
// records the first in the order of step names counts.
func Recorded(path string) (file.Written, bool) {
	s := Store{filepath.Dir(path)}
	names, err := filepath.Glob(s.path("*"))
	if err != nil {
		return file.Written{}, false
	}
	for _, name := range names {
		r, ok := s.read(strings.TrimSuffix(filepath.Base(name), ".json"))
		if !ok {
			continue
		}
		for _, o := range r.Outputs {
			if o.Path == filepath.Base(path) {
				return o, true
			}
		}
	}
	return file.Written{}, false
}

// Save records that the step is done. data may be nil.
func (s Store) Save(step, key string, outputs []file.Written, data any) error {
	r := Record{Step: step, Key: key, Outputs: outputs}
	if data != nil {
		raw, err := json.Marshal(data)
		if err != nil {
			return err
		}
		r.Data = raw
	}
	b, err := json.MarshalIndent(r, "", " ")
	if err != nil {
		return err
	}
	if err := os.MkdirAll(filepath.Dir(s.path(step)), 0o755); err != nil {
		return err
	}
	return file.Write(s.path(step), append(b, '\n'))
}

// HashFile returns the file's SHA-256 in hexadecimal.
func HashFile(path string) (string, error) {
	h := sha256.New()
	if err := store.Copy(h, path); err != nil {
		return "", err
	}
	return hex.EncodeToString(h.Sum(nil)), nil
}

// ErrBusy marks a folder that another run is working in.
var ErrBusy = errors.New("another bitmill run is working there")

// Lock makes the store's folder and keeps other runs out of it until release is called or the process ends, however it
// ends. It fails with ErrBusy when another run holds the lock.
func (s Store) Lock() (release func(), err error) {
	if err := s.MakeFolder(); err != nil {
		return nil, err
	}
	release, err = file.Lock(filepath.Join(s.Dir, ".bitmill", "lock"))
	if errors.Is(err, file.ErrBusy) {
		return nil, fmt.Errorf("%s: %w; wait for it, or choose another folder with --output", s.Dir, ErrBusy)
	}
	return release, err
}

// MakeFolder makes the store's folder and its parents.
func (s Store) MakeFolder() error {
	records := filepath.Join(s.Dir, ".bitmill")
	if st, err := os.Lstat(records); err == nil && st.Mode()&fs.ModeSymlink != 0 {
		return fmt.Errorf("%s is a link: bitmill keeps its records in the folder itself; remove the link", records)
	}
	if err := os.MkdirAll(records, 0o755); err != nil {
		var at *fs.PathError
		if errors.As(err, &at) {
			err = at.Err
		}
		return fmt.Errorf("cannot write to %s: %w", s.Dir, err)
	}
	return nil
}

// OpenJournal opens the journal of a step that is recorded part by part, and passes every line in it to entry.
func (s Store) OpenJournal(step, key string, entry func(line []byte) error) (*file.Journal, error) {
	path := filepath.Join(s.Dir, ".bitmill", step+".jsonl")
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		return nil, err
	}
	j, err := file.OpenJournal(path, key, entry)
	if err != nil {
		return nil, fmt.Errorf("journal %s: %w", path, err)
	}
	return j, nil
}
