package tokenizer

// Long words: a linked list of tokens and a heap of the merges that were possible when they were found, so that n bytes
// take on the order of n log n steps.

// link is a token in the list of a word's tokens.
type link struct {
	id         int32
	prev, next int32 // indices, -1 at the ends
}

// candidate is a merge of the tokens left and right, found at index at.
type candidate struct {
	merge
	at          int32
	left, right int32
}

// queue is a binary heap: the lowest rank comes first, of equal ranks the leftmost.
type queue []candidate

func (q queue) less(i, j int) bool {
	return q[i].rank < q[j].rank || q[i].rank == q[j].rank && q[i].at < q[j].at
}

func (q *queue) push(c candidate) {
	*q = append(*q, c)
	h := *q
	for i := len(h) - 1; i > 0; {
		parent := (i - 1) / 2
		if !h.less(i, parent) {
			return
		}
		h[i], h[parent] = h[parent], h[i]
		i = parent
	}
}

func (q *queue) pop() candidate {
	h := *q
	top, last := h[0], len(h)-1
	h[0] = h[last]
	h = h[:last]
	for i := 0; ; {
		child := 2*i + 1
		if child >= len(h) {
			break
		}
		if child+1 < len(h) && h.less(child+1, child) {
			child++
		}
		if !h.less(child, i) {
			break
		}
		h[i], h[child] = h[child], h[i]
		i = child
	}
	*q = h
	return top
}

// mergeLong merges s.ids in place. A candidate whose tokens have been merged away since is skipped.
func (b *bpe) mergeLong(s *scratch) {
	s.links, s.queue = s.links[:0], s.queue[:0]
	for i, id := range s.ids {
		s.links = append(s.links, link{id, int32(i - 1), int32(i + 1)})
	}
	s.links[len(s.links)-1].next = -1
	for i := range len(s.links) - 1 {
		b.consider(s, int32(i))
	}
	for len(s.queue) > 0 {
		c := s.queue.pop()
		left := &s.links[c.at]
		if left.id != c.left || left.next < 0 || s.links[left.next].id != c.right {
			continue
		}
		right := &s.links[left.next]
		left.id, right.id = c.id, gone
		left.next = right.next
		if left.next >= 0 {
			s.links[left.next].prev = c.at
			b.consider(s, c.at)
		}
		if left.prev >= 0 {
			b.consider(s, left.prev)
		}
	}
	s.ids = s.ids[:0]
	for i := int32(0); i >= 0; i = s.links[i].next {
		s.ids = append(s.ids, s.links[i].id)
	}
}

// gone marks a link that was merged into the one before it.
const gone = -2

// consider queues the merge of the token at index at with the next one, if there is such a merge.
func (b *bpe) consider(s *scratch, at int32) {
	left, right := s.links[at].id, s.links[s.links[at].next].id
	if m := b.of(left, right); m.rank != unmergeable {
		s.queue.push(candidate{m, at, left, right})
	}
}
