package steps

import (
	"fmt"
	"os"
	"path/filepath"

	"bitmill/formats/file"
)

// OpenJournal opens the journal of a step whose parts are kept as they are done, and hands every line kept to entry.
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
