package quantize

import (
	"bufio"
	"cmp"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"hash"
	"io"
	"time"

	"bitmill/formats/file"
	"bitmill/formats/gguf"
	"bitmill/formats/store"
)

// stream is one file that is written front to back, and hashed on the way.
type stream struct {
	path    string
	shard   gguf.PlannedShard
	pending store.Writer
	out     *bufio.Writer
	hash    hash.Hash
	bytes   int64
	resumed int // tensors that an earlier process wrote
	marker  *marker
	header  []byte // to be written
	err     error  // of the goroutine that writes
}

// openStream opens the file, as far as an earlier process with the same key wrote it. Without a key it starts afresh.
func openStream(path string, p gguf.PlannedShard, header []byte, key string, o store.Options,
	every time.Duration) (*stream, error) {
	s := &stream{path: path, shard: p, hash: sha256.New(), header: header}
	var err error
	if key == "" {
		s.pending, err = store.Create(path, p.Layout.FileBytes, o)
	} else {
		s.pending, err = store.Resume(path, p.Layout.FileBytes, o, streamKey(key, header), s.hash)
	}
	if err != nil {
		return nil, err
	}
	if key != "" {
		s.marker = &marker{pending: s.pending, every: every, last: time.Now()}
	}
	s.out = bufio.NewWriterSize(s.pending, gathered)
	if s.bytes = s.pending.Kept(); s.bytes > 0 {
		if err := s.resume(); err != nil {
			s.pending.Abort()
			return nil, err
		}
	}
	return s, nil
}

// gathered is how many bytes of small tensors are written at once; larger ones are not copied.
const gathered = 64 << 10

// begin writes the header, unless an earlier process did.
func (s *stream) begin() error {
	if s.bytes > 0 {
		return nil
	}
	return s.write(s.header)
}

// resume counts the tensors that the file holds already.
func (s *stream) resume() error {
	l := s.shard.Layout
	for s.resumed < len(l.Offsets) && l.Offsets[s.resumed]+l.Sizes[s.resumed] <= s.bytes {
		s.resumed++
	}
	if s.resumed == 0 || l.Offsets[s.resumed-1]+l.Sizes[s.resumed-1] != s.bytes {
		return fmt.Errorf("%s: the unfinished file ends inside a tensor; it is removed: run again", s.path)
	}
	s.marker.marked = s.bytes
	return nil
}

// append adds data of tensor i of this file, with padding before the tensor's first.
func (s *stream) append(i int, begins, ends bool, data []byte) error {
	if begins {
		if err := s.pad(s.shard.Layout.Offsets[i]); err != nil {
			return err
		}
	}
	if err := s.write(data); err != nil || !ends || s.marker == nil {
		return err
	}
	return s.marker.tensor(s, i == len(s.shard.Tensors)-1)
}

// pad writes zeros up to an offset.
func (s *stream) pad(offset int64) error {
	if offset < s.bytes {
		return fmt.Errorf("%s: data goes up to byte %d, past %d where the next tensor starts", s.path, s.bytes, offset)
	}
	var zeros [4096]byte
	for s.bytes < offset {
		if err := s.write(zeros[:min(int64(len(zeros)), offset-s.bytes)]); err != nil {
			return err
		}
	}
	return nil
}

// write hashes and writes; large data it hashes and writes at the same time.
func (s *stream) write(b []byte) error {
	s.bytes += int64(len(b))
	if len(b) < gathered {
		s.hash.Write(b)
		_, err := s.out.Write(b)
		return err
	}
	hashed := make(chan error, 1)
	go func() {
		hashed <- file.Guard(func() error {
			s.hash.Write(b)
			return nil
		})
	}()
	_, err := s.out.Write(b)
	return cmp.Or(<-hashed, err)
}

// finish completes the file and leaves it to be committed.
func (s *stream) finish() (file.Written, error) {
	if err := s.marker.wait(); err != nil {
		return file.Written{}, err
	}
	if err := s.pad(s.shard.Layout.FileBytes); err != nil {
		return file.Written{}, err
	}
	if err := s.out.Flush(); err != nil {
		return file.Written{}, err
	}
	return file.Written{Path: s.path, SHA256: hex.EncodeToString(s.hash.Sum(nil)), Bytes: s.bytes}, nil
}

// keep leaves the file to be resumed behind its last whole tensor.
func (s *stream) keep() {
	if s.marker.wait() == nil && s.marker.at > s.marker.marked && s.out.Flush() == nil {
		s.pending.Mark(s.marker.at, s.marker.sum) // when this fails, the mark before it counts
	}
	s.pending.Keep()
}

func (s *stream) abort() {
	s.marker.wait()
	s.out.Reset(io.Discard)
	s.pending.Abort()
}

// marker notes in the journal how far a file has come. Syncing takes long, so it runs beside the writing, one mark at a
// time.
type marker struct {
	pending store.Writer
	every   time.Duration // least time between two marks
	last    time.Time
	at      int64 // end of the last whole tensor
	sum     []byte
	marked  int64
	busy    chan error // a mark being made; nil when there is none
	err     error
}

// tensor is called behind each whole tensor. The last one of a file is always marked.
func (m *marker) tensor(s *stream, last bool) error {
	m.at, m.sum = s.bytes, s.hash.Sum(nil)
	if m.busy != nil && !last {
		select {
		case m.err = <-m.busy:
			m.busy = nil
		default:
			return nil
		}
	}
	if err := m.wait(); err != nil {
		return err
	}
	if m.at == m.marked || !last && time.Since(m.last) < m.every {
		return nil
	}
	if err := s.out.Flush(); err != nil {
		return err
	}
	n, sum, busy := m.at, m.sum, make(chan error, 1)
	m.marked, m.last, m.busy = n, time.Now(), busy
	go func() { busy <- m.pending.Mark(n, sum) }()
	return nil
}

// wait waits for the mark that is being made. A mark that failed stays an error: after a failed sync the contents of
// the disk are unknown.
func (m *marker) wait() error {
	if m == nil {
		return nil
	}
	if m.busy != nil {
		m.err = <-m.busy
		m.busy = nil
	}
	return m.err
}
