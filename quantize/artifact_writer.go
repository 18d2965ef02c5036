package quantize

import (
	"bytes"
	"fmt"
	"slices"
	"sync/atomic"
	"time"

	"bitmill/formats/gguf"
	"bitmill/formats/store"
)

// artifactWriter writes one artifact: a file, or a set of shards that get their names together.
type artifactWriter struct {
	Artifact
	streams []*stream // in the order of their tensors
	written Written
	blocked atomic.Pointer[BlockedError] // set by the collector; nothing is written from then on
}

// openArtifact opens the files of an artifact as far as an earlier process wrote them.
func openArtifact(to Artifact, every time.Duration) (_ *artifactWriter, err error) {
	a := &artifactWriter{Artifact: to}
	defer func() {
		if err != nil {
			a.leave(true)
		}
	}()
	for i, p := range to.Plan.shards() {
		var header bytes.Buffer
		layout, err := gguf.WriteHeader(&header, p.Metadata, p.Tensors)
		if err != nil {
			return nil, err
		}
		if layout.FileBytes != p.Layout.FileBytes || layout.HeaderBytes != int64(header.Len()) {
			return nil, fmt.Errorf("%s: the plan was changed after it was made", to.Path)
		}
		s, err := openStream(to.paths()[i], p, header.Bytes(), to.ResumeKey, store.Options{Replace: to.Replace}, every)
		if err != nil {
			return nil, err
		}
		a.streams = append(a.streams, s)
		a.written.Resumed += s.resumed
	}
	return a, nil
}

// stream finds the file that holds tensor i.
func (a *artifactWriter) stream(i int) *stream {
	for _, s := range a.streams {
		if i < s.shard.First+len(s.shard.Tensors) {
			return s
		}
	}
	return nil
}

// has reports whether tensor i is in its file already.
func (a *artifactWriter) has(i int) bool {
	s := a.stream(i)
	return i < s.shard.First+s.resumed
}

// resumed reports whether an earlier process wrote part of the artifact.
func (a *artifactWriter) resumed() bool {
	return slices.ContainsFunc(a.streams, func(s *stream) bool { return s.bytes > 0 })
}

// begin writes the headers.
func (a *artifactWriter) begin() error {
	for _, s := range a.streams {
		if err := s.begin(); err != nil {
			return err
		}
	}
	return nil
}

// finish gives the files their names.
func (a *artifactWriter) finish() (Written, error) {
	w := a.written
	var list []store.Writer
	for _, s := range a.streams {
		f, err := s.finish()
		if err != nil {
			return Written{}, err
		}
		w.Files = append(w.Files, f)
		w.Bytes += f.Bytes
		list = append(list, s.pending)
	}
	w.Path = w.Files[0].Path
	if len(w.Files) == 1 {
		w.SHA256 = w.Files[0].SHA256
	}
	return w, store.CommitAll(list)
}

// leave ends the writing of files that have no name yet. With keep, what can be resumed stays; everything else is
// removed. After finish it does nothing.
func (a *artifactWriter) leave(keep bool) {
	for _, s := range a.streams {
		if keep && a.ResumeKey != "" && a.blocked.Load() == nil {
			s.keep()
		} else {
			s.abort()
		}
	}
}
