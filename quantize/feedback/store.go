package feedback

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"

	"bitmill/formats/file"
)

// Store keeps chosen tensors in a file until the artifact is written, so that an interrupted Run goes on behind the
// last one. A journal beside the file lists them.
type Store struct {
	path    string
	data    *os.File
	journal *file.Journal
	end     int64
	places  map[key]place
}

// place is a line of the journal.
type place struct {
	Name          string  `json:"name"`
	Expert        int     `json:"expert,omitempty"`
	At            int64   `json:"at"`
	Bytes         int64   `json:"bytes"`
	SHA256        string  `json:"sha256"`
	Before, After float64 // as in Choice
}

// OpenStore opens or creates a store. What was stored for other inputs is dropped: the hash of all that choices
// depend on. It fails with file.ErrBusy while another process has the store open.
func OpenStore(path, inputs string) (*Store, error) {
	f, err := file.OpenLocked(path)
	if err != nil {
		return nil, err
	}
	s := &Store{path: path, data: f, places: map[key]place{}}
	s.journal, err = file.OpenJournal(path+".journal", inputs, s.recall)
	if err != nil {
		f.Close()
		return nil, err
	}
	return s, nil
}

// recall takes a line of the journal, if the data are still as they were.
func (s *Store) recall(line []byte) error {
	var p place
	if err := json.Unmarshal(line, &p); err != nil {
		return err
	}
	if err := s.check(p); err != nil {
		return err
	}
	s.places[key{p.Name, p.Expert}], s.end = p, max(s.end, p.At+p.Bytes)
	return nil
}

// check fails unless the data are as they were stored.
func (s *Store) check(p place) error {
	data, err := s.read(p)
	if err != nil {
		return err
	}
	if sum := sha256.Sum256(data); hex.EncodeToString(sum[:]) != p.SHA256 {
		return errors.New("the data have changed")
	}
	return nil
}

// Check fails unless all data are as they were stored: without it, a matrix that cannot be read any more would get the
// encoder's values in silence.
func (s *Store) Check() error {
	for k, p := range s.places {
		if err := s.check(p); err != nil {
			return fmt.Errorf("%s: tensor %s: %w; run again", s.path, k.name, err)
		}
	}
	return nil
}

func (s *Store) read(p place) ([]byte, error) {
	st, err := s.data.Stat()
	if err != nil {
		return nil, err
	}
	if p.At < 0 || p.Bytes < 0 || p.Bytes > st.Size()-p.At {
		return nil, io.ErrUnexpectedEOF
	}
	data := make([]byte, p.Bytes)
	_, err = s.data.ReadAt(data, p.At)
	return data, err
}

// Have returns the data of a matrix; nil when it is not stored.
func (s *Store) Have(name string, expert int) []byte {
	p, ok := s.places[key{name, expert}]
	if !ok {
		return nil
	}
	data, err := s.read(p)
	if err != nil {
		return nil
	}
	return data
}

// Tensor returns a tensor's data with its stored matrices in the place of those of start; nil when none is stored.
func (s *Store) Tensor(name string, start []byte) []byte {
	var out []byte
	for k, p := range s.places {
		if k.name != name {
			continue
		}
		data := s.Have(name, k.expert)
		if data == nil || int64(k.expert+1)*p.Bytes > int64(len(start)) {
			return nil
		}
		if out == nil {
			out = bytes.Clone(start)
		}
		copy(out[int64(k.expert)*p.Bytes:], data)
	}
	return out
}

// Put stores a matrix.
func (s *Store) Put(c Choice) error {
	sum := sha256.Sum256(c.Data)
	p := place{c.Name, c.Expert, s.end, int64(len(c.Data)), hex.EncodeToString(sum[:]), c.Before, c.After}
	if _, err := s.data.WriteAt(c.Data, s.end); err != nil {
		return fmt.Errorf("%s: %w", s.path, err)
	}
	if err := s.journal.Append(p); err != nil {
		return err
	}
	s.places[key{c.Name, c.Expert}], s.end = p, s.end+p.Bytes
	return nil
}

// Len is the number of matrices that are stored.
func (s *Store) Len() int { return len(s.places) }

// Close closes the store. What it holds stays; the files of an empty one are removed.
func (s *Store) Close() error {
	if s.Len() == 0 {
		return s.Remove()
	}
	return s.close()
}

func (s *Store) close() error { return errors.Join(s.journal.Close(), s.data.Close()) }

// Remove closes the store and removes its files.
func (s *Store) Remove() error {
	return errors.Join(s.close(), os.Remove(s.path), os.Remove(s.path+".journal"))
}
