package tokenizer

import (
	"slices"
	"strings"
)

// trie finds the tokens that a text begins with. Nodes are numbered so that the children of a node are neighbours, in
// ascending order of their bytes.
type trie struct {
	label       []byte  // the byte that leads to a node
	id          []int32 // the token that ends at a node, -1 for none
	first, last []int32 // the children of a node: first to last-1
}

// word is a text that a trie finds, and its token.
type word struct {
	text string
	id   int32
}

// newTrie makes a trie of words, which it sorts; of equal words the last one counts, as in a map.
func newTrie(words []word) *trie {
	slices.SortStableFunc(words, func(a, b word) int { return strings.Compare(a.text, b.text) })
	t := &trie{}
	t.add(0)
	type span struct{ node, from, to, depth int }
	for todo := []span{{0, 0, len(words), 0}}; len(todo) > 0; {
		s := todo[0]
		todo = todo[1:]
		for s.from < s.to && len(words[s.from].text) == s.depth {
			t.id[s.node] = words[s.from].id
			s.from++
		}
		t.first[s.node] = int32(len(t.label))
		for i := s.from; i < s.to; {
			b, j := words[i].text[s.depth], i
			for j < s.to && words[j].text[s.depth] == b {
				j++
			}
			todo = append(todo, span{t.add(b), i, j, s.depth + 1})
			i = j
		}
		t.last[s.node] = int32(len(t.label))
	}
	return t
}

// add appends a node.
func (t *trie) add(b byte) int {
	t.label, t.id = append(t.label, b), append(t.id, -1)
	t.first, t.last = append(t.first, 0), append(t.last, 0)
	return len(t.label) - 1
}

// step returns the child of a node by a byte, -1 when there is none.
func (t *trie) step(node int32, b byte) int32 {
	from, to := t.first[node], t.last[node]
	for from < to {
		middle := int32(uint32(from+to) / 2)
		if t.label[middle] < b {
			from = middle + 1
		} else {
			to = middle
		}
	}
	if from < t.last[node] && t.label[from] == b {
		return from
	}
	return -1
}

// longest returns the longest token that s begins with, which may be empty.
func (t *trie) longest(s string) (id int32, n int, ok bool) {
	id = t.id[0]
	node := int32(0)
	for i := range len(s) {
		if node = t.step(node, s[i]); node < 0 {
			break
		}
		if t.id[node] >= 0 {
			id, n = t.id[node], i+1
		}
	}
	return id, n, id >= 0
}
