package store

import (
	"cmp"
	"context"
	"fmt"
	"os"
	"slices"
	"sort"
	"sync"
	"sync/atomic"
	"time"
	"unsafe"

	"bitmill/formats/file"
)

// remote is an open object. Its bytes have addresses, of which spans of whole pages have memory behind them.
type remote struct {
	object
	version
	memory []byte
	spans  []*span // sorted, without overlaps; guarded by held
	ahead  int64   // how far the last read went ahead
}

// span is a range of an object that is in memory, or on its way there.
type span struct {
	of       *remote
	from, to int64
	ready    chan struct{} // closed when it is there, or has failed
	err      error
	holds    int
	used     uint64
	complete bool
}

const (
	maxRequest = 8 << 20  // bytes of a request: larger ranges are read by several at once
	firstAhead = 2 << 20  // bytes read ahead of the second of two reads that follow each other
	mostAhead  = 32 << 20 // bytes read ahead in the end: it doubles from read to read

	patience = 2 * time.Minute // for a request, before it is made again
)

// Room is the memory, in bytes, that spans which nobody holds may take, of all objects together. It is for tests.
var Room int64 = 256 << 20

// held guards all spans of the process.
var held struct {
	sync.Mutex
	list  []*remote // by address
	bytes int64     // of all spans
	clock uint64
}

// opened is the number of open objects: while there is none, nothing needs a lock.
var opened atomic.Int32

// requesting are the requests that run at once.
var requesting = make(chan struct{}, 8)

var page = int64(os.Getpagesize())

func base(b []byte) uintptr { return uintptr(unsafe.Pointer(unsafe.SliceData(b))) }

// begin makes the first bytes a span, and the object known by its addresses.
func (r *remote) begin(first []byte) error {
	held.Lock()
	defer held.Unlock()
	s := r.add(0, int64(len(first)))
	if s.err != nil {
		return fmt.Errorf("%s: %w", Plain(r.name), s.err)
	}
	copy(r.memory, first)
	s.complete = true
	close(s.ready)
	i, _ := slices.BinarySearchFunc(held.list, base(r.memory), func(o *remote, at uintptr) int {
		return cmp.Compare(base(o.memory), at)
	})
	held.list = slices.Insert(held.list, i, r)
	opened.Add(1)
	return nil
}

// roundUp is the next end of a page, or of the object.
func roundUp(n, size int64) int64 { return min((n+page-1)/page*page, size) }

// close gives the addresses back once no request writes there any more.
func (r *remote) close() error {
	if r.memory == nil {
		return nil
	}
	held.Lock()
	spans := r.spans
	r.spans = nil
	held.list = slices.DeleteFunc(held.list, func(o *remote) bool { return o == r })
	held.Unlock()
	opened.Add(-1)
	for _, s := range spans {
		<-s.ready
		held.Lock()
		held.bytes -= s.to - s.from
		held.Unlock()
	}
	memory := r.memory
	r.memory = nil
	return unreserve(memory)
}

// Remote reports whether data, which may be empty, is part of an object, and must be held to be read.
func Remote(data []byte) bool {
	if len(data) == 0 || opened.Load() == 0 {
		return false
	}
	held.Lock()
	defer held.Unlock()
	return at(data) != nil
}

// at finds the object that data belongs to; nil for none.
func at(data []byte) *remote {
	p := base(data)
	i := sort.Search(len(held.list), func(i int) bool { return base(held.list[i].memory) > p }) - 1
	if i < 0 || p >= base(held.list[i].memory)+uintptr(len(held.list[i].memory)) {
		return nil
	}
	return held.list[i]
}

// Hold brings parts of objects into memory and keeps them there until release is called. A part that lies elsewhere, as
// in a mapped file, is there already. Where reads follow each other, it reads up to 32 MiB ahead.
func Hold(parts ...[]byte) (release func(), err error) {
	if opened.Load() == 0 {
		return func() {}, nil
	}
	var list []*span
	held.Lock()
	for _, p := range parts {
		if len(p) == 0 {
			continue
		}
		if r := at(p); r != nil {
			from := int64(base(p) - base(r.memory))
			list = append(list, r.hold(from, from+int64(len(p)))...)
		}
	}
	held.Unlock()
	release = func() { letGo(list) }
	for _, s := range list {
		if <-s.ready; s.err != nil {
			release()
			return func() {}, s.failed("read", s.err)
		}
	}
	return release, nil
}

func (s *span) failed(what string, err error) error { return s.of.failed(what, err) }

func letGo(list []*span) {
	held.Lock()
	defer held.Unlock()
	for _, s := range list {
		s.holds--
	}
	evict(0)
}

// hold lists the spans of a range, which it starts to read where they are missing, and reads ahead.
func (r *remote) hold(from, to int64) (list []*span) {
	from, to = from/page*page, roundUp(to, r.size)
	follows := from > 0 && r.covers(from-1)
	held.clock++
	list = r.need(from, to, 1)
	switch {
	case !follows:
		r.ahead = 0
	case r.ahead == 0:
		r.ahead = firstAhead
	default:
		r.ahead = min(2*r.ahead, mostAhead)
	}
	if end := min(to+min(r.ahead, Room/4), r.size); end > to && !r.covers(to+(end-to)/2) {
		r.need(to, roundUp(end, r.size), 0)
	}
	evict(0)
	return list
}

// find is the first span that ends behind a place.
func (r *remote) find(place int64) int {
	return sort.Search(len(r.spans), func(i int) bool { return r.spans[i].to > place })
}

func (r *remote) covers(place int64) bool {
	i := r.find(place)
	return i < len(r.spans) && r.spans[i].from <= place
}

// need lists the spans of a range, each held so many times more, and starts to read those that are missing.
func (r *remote) need(from, to int64, holds int) (list []*span) {
	for from < to {
		i := r.find(from)
		var s *span
		if i < len(r.spans) && r.spans[i].from <= from {
			s = r.spans[i]
		} else {
			end := min(to, from+maxRequest)
			if i < len(r.spans) {
				end = min(end, r.spans[i].from)
			}
			evict(end - from)
			if s = r.add(from, end); s.err == nil {
				go s.fetch()
			}
		}
		s.holds += holds
		s.used = held.clock
		list = append(list, s)
		from = s.to
	}
	return list
}

// add makes a span.
func (r *remote) add(from, to int64) *span {
	s := &span{of: r, from: from, to: to, ready: make(chan struct{}), used: held.clock}
	if s.err = populate(r.memory[from:to]); s.err != nil {
		s.complete = true
		close(s.ready)
		return s
	}
	r.spans = slices.Insert(r.spans, r.find(from), s)
	held.bytes += to - from
	return s
}

// fetch reads the span.
func (s *span) fetch() {
	requesting <- struct{}{}
	ctx, r := requests(), s.of
	err := retry(ctx, func() error {
		ctx, cancel := context.WithTimeout(ctx, patience)
		defer cancel()
		_, v, err := r.rangeOf(ctx, r.memory[s.from:s.to], s.from)
		if err == nil && v != r.version {
			err = file.ErrChanged
		}
		return err
	})
	<-requesting
	held.Lock()
	defer held.Unlock()
	if s.complete = true; err != nil {
		s.err = err
		s.remove()
	}
	close(s.ready)
}

// remove forgets the span and gives its memory back.
func (s *span) remove() {
	r := s.of
	if i := slices.Index(r.spans, s); i >= 0 {
		r.spans = slices.Delete(r.spans, i, i+1)
		held.bytes -= s.to - s.from
		drop(r.memory[s.from:s.to])
	}
}

// evict forgets spans that nobody holds, those first that were used longest ago, until so many bytes more have room.
func evict(more int64) {
	for held.bytes+more > Room {
		var oldest *span
		for _, r := range held.list {
			for _, s := range r.spans {
				if s.holds == 0 && s.complete && (oldest == nil || s.used < oldest.used) {
					oldest = s
				}
			}
		}
		if oldest == nil {
			return
		}
		oldest.remove()
	}
}
