package file

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"os"

	"bitmill/formats/file/internal/disk"
)

// Journal is a file of JSON lines, one per finished part of some work. The first line holds the key, which covers
// everything that the work depends on; a journal with another key is started afresh.
type Journal struct {
	f   *os.File
	key string
}

type journalHead struct {
	Key string `json:"key"`
}

// OpenJournal opens or creates a journal and passes its lines to entry. A line torn by a crash, or one that entry
// refuses, is cut off together with all that follow.
func OpenJournal(path, key string, entry func(line []byte) error) (*Journal, error) {
	f, err := OpenOwn(path, os.O_RDWR)
	if err != nil {
		return nil, err
	}
	j := &Journal{f, key}
	kept, err := j.replay(entry)
	if err == nil {
		if err = j.cut(kept); err != nil && kept == 0 {
			os.Remove(path) // nothing in it is worth keeping
		}
	}
	if err != nil {
		f.Close()
		return nil, err
	}
	return j, nil
}

// replay reads complete lines and returns the number of bytes to keep.
func (j *Journal) replay(entry func([]byte) error) (kept int64, err error) {
	r := bufio.NewReader(j.f)
	for {
		line, err := r.ReadBytes('\n')
		if errors.Is(err, io.EOF) {
			return kept, nil // a line without its end is torn
		}
		if err != nil {
			return 0, err
		}
		if kept == 0 {
			var head journalHead
			if json.Unmarshal(line, &head) != nil || head.Key != j.key {
				return 0, nil
			}
		} else if !json.Valid(line) || entry(bytes.TrimSpace(line)) != nil {
			return kept, nil
		}
		kept += int64(len(line))
	}
}

// cut keeps the first n bytes, or, for 0, the key alone.
func (j *Journal) cut(n int64) error {
	if err := j.f.Truncate(n); err != nil {
		return err
	}
	if _, err := j.f.Seek(n, io.SeekStart); err != nil || n > 0 {
		return err
	}
	return j.Append(journalHead{j.key})
}

// Append writes one line. It survives the end of the process, however it ends; a power cut may cost the last lines.
// While a mapped file has changed nothing is written: the line may come of it.
func (j *Journal) Append(v any) error {
	if err := Unchanged(); err != nil {
		return err
	}
	b, err := json.Marshal(v)
	if err != nil {
		return err
	}
	b = append(b, '\n')
	n, err := disk.WriteFile(j.f, b)
	if err == nil && n < len(b) {
		err = io.ErrShortWrite
	}
	return err
}

// Close closes the file.
func (j *Journal) Close() error { return j.f.Close() }
