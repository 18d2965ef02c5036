package steps

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
)

// Journal is a file of JSON lines for a step whose parts are kept as they are done. The first line holds the key; a
// journal of another key is started afresh. A last line torn by a crash is dropped.
type Journal struct {
	f *os.File
}

// OpenJournal opens the step's journal and hands every line kept to entry.
func (s Store) OpenJournal(step, key string, entry func(line []byte) error) (*Journal, error) {
	path := filepath.Join(s.Dir, ".bitmill", step+".jsonl")
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		return nil, err
	}
	f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE, 0o644)
	if err != nil {
		return nil, err
	}
	kept, err := replay(f, key, entry)
	if err == nil {
		err = f.Truncate(kept)
	}
	if err == nil {
		_, err = f.Seek(kept, io.SeekStart)
	}
	j := &Journal{f}
	if err == nil && kept == 0 {
		err = j.Append(journalHead{key})
	}
	if err != nil {
		f.Close()
		return nil, fmt.Errorf("journal %s: %w", path, err)
	}
	return j, nil
}

type journalHead struct {
	Key string `json:"key"`
}

// replay reads whole lines and returns the number of bytes to keep.
func replay(f *os.File, key string, entry func([]byte) error) (int64, error) {
	r := bufio.NewReader(f)
	kept := int64(0)
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
			if json.Unmarshal(line, &head) != nil || head.Key != key {
				return 0, nil
			}
		} else if !json.Valid(line) || entry(bytes.TrimSpace(line)) != nil {
			return kept, nil
		}
		kept += int64(len(line))
	}
}

// Append writes one line. It survives the end of the process, however it ends; a power cut may cost the last lines.
func (j *Journal) Append(v any) error {
	b, err := json.Marshal(v)
	if err != nil {
		return err
	}
	_, err = j.f.Write(append(b, '\n'))
	return err
}

// Close closes the file.
func (j *Journal) Close() error { return j.f.Close() }
