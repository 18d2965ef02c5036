package file

import (
	"bufio"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"hash"
	"io"
	"os"

	"bitmill/formats/file/internal/disk"
)

// The journal of an unfinished file, NAME.part.journal, is lines of JSON: a head with the key, which covers whatever
// the content depends on, then marks: how many bytes of the unfinished file are final, and the hash of these bytes.
// A mark is written after the bytes are on the disk.
type (
	journalHead struct {
		Key string `json:"key"`
	}
	mark struct {
		Bytes int64  `json:"bytes"`
		Hash  string `json:"hash"`
	}
)

func journalPath(path string) string { return path + ".part.journal" }

// Resume is Create for a file whose writing may be broken off and taken up again. What an earlier process wrote under
// the same key is kept, up to the last mark it made: Kept tells how many bytes, and the next Write continues behind
// them. They are read and must have the marked hash; without a usable mark, the file is started afresh. h, which must
// be new, has hashed the kept bytes when Resume returns.
func Resume(path string, size int64, key string, h hash.Hash) (*Pending, error) {
	f, err := openPart(path, size)
	if err != nil {
		return nil, err
	}
	p := &Pending{f: f, path: path}
	if err := p.takeUp(key, h); err != nil {
		p.marked = p.kept > 0 // else there is nothing to keep
		p.Keep()
		return nil, cannotWrite(path, err)
	}
	return p, nil
}

// Kept is the number of bytes that Resume kept.
func (p *Pending) Kept() int64 { return p.kept }

// takeUp reads the journal, cuts both files behind the last usable mark and hashes what is kept.
func (p *Pending) takeUp(key string, h hash.Hash) (err error) {
	if p.journal, err = disk.OpenFile(journalPath(p.path), os.O_RDWR|os.O_CREATE, 0o644); err != nil {
		return err
	}
	st, err := p.f.Stat()
	if err != nil {
		return err
	}
	last, end := readJournal(p.journal, key, st.Size())
	if last.Bytes > 0 {
		if _, err := io.CopyBuffer(onlyWriter{h}, io.NewSectionReader(p.f, 0, last.Bytes), make([]byte, 1<<20)); err != nil {
			return err
		}
		if hex.EncodeToString(h.Sum(nil)) == last.Hash {
			p.kept, p.marked = last.Bytes, true
		} else {
			h.Reset()
		}
	}
	if p.kept == 0 {
		end = 0
	}
	for f, size := range map[*os.File]int64{p.f: p.kept, p.journal: end} {
		if err := f.Truncate(size); err != nil {
			return err
		}
		if _, err := f.Seek(size, io.SeekStart); err != nil {
			return err
		}
	}
	if end == 0 {
		return p.note(journalHead{key})
	}
	return nil
}

// onlyWriter hides what else a hash can do, so that CopyBuffer uses its buffer.
type onlyWriter struct{ io.Writer }

// readJournal returns the last mark that an unfinished file of size bytes still has, and where its line ends. A torn
// line, and all behind it, counts as missing.
func readJournal(f io.Reader, key string, size int64) (last mark, end int64) {
	r := bufio.NewReader(f)
	at, head := int64(0), true
	for {
		line, err := r.ReadBytes('\n')
		if err != nil {
			return last, end
		}
		at += int64(len(line))
		if head {
			var h journalHead
			if json.Unmarshal(line, &h) != nil || h.Key != key {
				return last, end
			}
			head = false
			continue
		}
		var m mark
		if json.Unmarshal(line, &m) != nil || m.Bytes <= last.Bytes || m.Bytes > size {
			return last, end
		}
		last, end = m, at
	}
}

// Mark makes the first n bytes survive the end of this process, however it ends, for the next Resume with the same
// key. hash is that of these bytes. They must have been written; more may be written meanwhile by another goroutine.
func (p *Pending) Mark(n int64, hash []byte) error {
	if p.journal == nil {
		return errors.New("file: Mark without Resume")
	}
	if err := disk.SyncFile(p.f); err != nil {
		return cannotWrite(p.path, err)
	}
	if err := p.note(mark{n, hex.EncodeToString(hash)}); err != nil {
		return cannotWrite(p.path, err)
	}
	p.marked = true
	return nil
}

func (p *Pending) note(v any) error {
	b, err := json.Marshal(v)
	if err != nil {
		return err
	}
	b = append(b, '\n')
	n, err := disk.WriteFile(p.journal, b)
	if err == nil && n < len(b) {
		err = io.ErrShortWrite
	}
	return err
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

// Discard removes what an interrupted process left of an unfinished file, unless another process is writing it.
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
