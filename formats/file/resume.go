package file

import (
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"hash"
	"io"
	"os"

	"bitmill/formats/file/internal/disk"
)

// mark is a line in the journal of an unfinished file, NAME.part.journal: how many bytes of the file are final, and
// their hash. It is written after the bytes are on the disk.
type mark struct {
	Bytes int64  `json:"bytes"`
	Hash  string `json:"hash"`
}

func journalPath(path string) string { return path + ".part.journal" }

// Resume is Create for a file whose writing may be interrupted and resumed. The bytes that an earlier process wrote
// under the same key are kept up to its last mark: Kept returns their number, and the next Write continues after them.
// They are read and must have the marked hash; without a usable mark, the file is started afresh. h must be new; when
// Resume returns, it has hashed the kept bytes.
func Resume(path string, size int64, key string, h hash.Hash) (*Pending, error) {
	f, err := openPart(path, size)
	if err != nil {
		return nil, err
	}
	p := &Pending{f: f, path: path}
	if err := p.resume(key, h); err != nil {
		p.marked = p.kept > 0 // else there is nothing to keep
		p.Keep()
		return nil, cannotWrite(path, err)
	}
	return p, nil
}

// Kept is the number of bytes that Resume kept.
func (p *Pending) Kept() int64 { return p.kept }

// resume reads the journal, cuts both files after the last usable mark and hashes the kept bytes.
func (p *Pending) resume(key string, h hash.Hash) error {
	st, err := p.f.Stat()
	if err != nil {
		return err
	}
	var last mark
	p.journal, err = OpenJournal(journalPath(p.path), key, func(line []byte) error {
		var m mark
		if err := json.Unmarshal(line, &m); err != nil {
			return err
		}
		if m.Bytes <= last.Bytes || m.Bytes > st.Size() {
			return errors.New("the file does not have these bytes")
		}
		last = m
		return nil
	})
	if err != nil {
		return err
	}
	if last.Bytes > 0 {
		if _, err := io.CopyBuffer(onlyWriter{h}, io.NewSectionReader(p.f, 0, last.Bytes), make([]byte, 1<<20)); err != nil {
			return err
		}
		if hex.EncodeToString(h.Sum(nil)) == last.Hash {
			p.kept, p.marked = last.Bytes, true
		} else {
			h.Reset()
			if err := p.journal.cut(0); err != nil {
				return err
			}
		}
	}
	if err := p.f.Truncate(p.kept); err != nil {
		return err
	}
	_, err = p.f.Seek(p.kept, io.SeekStart)
	return err
}

// onlyWriter hides the other methods of a hash, so that CopyBuffer uses its buffer.
type onlyWriter struct{ io.Writer }

// Mark makes the first n bytes survive the end of this process, however it ends, for the next Resume with the same
// key. hash is that of these bytes. They must have been written; more may be written meanwhile by another goroutine.
func (p *Pending) Mark(n int64, hash []byte) error {
	if p.journal == nil {
		return errors.New("file: Mark without Resume")
	}
	if err := disk.SyncFile(p.f); err != nil {
		return cannotWrite(p.path, err)
	}
	if err := p.journal.Append(mark{n, hex.EncodeToString(hash)}); err != nil {
		return cannotWrite(p.path, err)
	}
	p.marked = true
	return nil
}

// Keep closes the unfinished file and leaves it, with its journal, to the next Resume. Without a mark, of this process
// or of an earlier one, it is Abort.
func (p *Pending) Keep() {
	if p.done {
		return
	}
	if !p.marked {
		p.Abort()
		return
	}
	p.done = true
	if p.journal != nil {
		p.journal.Close()
	}
	p.f.Close()
}

// forget removes the journal.
func (p *Pending) forget() {
	if p.journal != nil {
		p.journal.Close()
		p.journal = nil
		os.Remove(journalPath(p.path))
	}
}

// Discard removes an unfinished file that an interrupted process left, unless another process is writing it.
func Discard(path string) error {
	if _, err := os.Stat(path + ".part"); errors.Is(err, os.ErrNotExist) {
		if err := os.Remove(journalPath(path)); err != nil && !errors.Is(err, os.ErrNotExist) {
			return fmt.Errorf("%s: %w", path, err)
		}
		return nil
	}
	p, err := Create(path, 0)
	if err != nil {
		return err
	}
	p.Abort()
	return nil
}
