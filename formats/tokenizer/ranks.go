package tokenizer

import (
	"cmp"
	"encoding/json"
	"slices"
)

// ranked is byte-pair encoding as tiktoken has it: tokens by their bytes, whose rank is also the order of merging.
type ranked struct {
	tokens []string // bytes, by rank; ids are ranks plus shift
	shift  int32
}

// spelled is a text of bytes in the letters of byte-level BPE.
func spelled(b string) string {
	letters := make([]rune, len(b))
	for i := range len(b) {
		letters[i] = byteRune[b[i]]
	}
	return string(letters)
}

// entries lists the vocabulary.
func (r *ranked) entries() []entry {
	all := make([]entry, len(r.tokens))
	for rank, token := range r.tokens {
		all[rank] = entry{spelled(token), int32(rank) + r.shift, 0}
	}
	return all
}

// merges lists every way to make a token from two others, by the token's rank: neighbours are merged whose joint text
// has the lowest rank, whatever their own are. Of one token, the pair whose parts have the lowest ranks comes first.
func (r *ranked) merges() [][2]string {
	rankOf := make(map[string]int32, len(r.tokens))
	for rank, token := range r.tokens {
		rankOf[token] = int32(rank)
	}
	type way struct {
		left, right int32
		cut         int
	}
	var all [][2]string
	var ways []way
	for _, token := range r.tokens {
		ways = ways[:0]
		for cut := 1; cut < len(token); cut++ {
			left, okLeft := rankOf[token[:cut]]
			if right, ok := rankOf[token[cut:]]; ok && okLeft {
				ways = append(ways, way{left, right, cut})
			}
		}
		slices.SortFunc(ways, func(a, b way) int {
			return cmp.Or(cmp.Compare(a.left, b.left), cmp.Compare(a.right, b.right))
		})
		for _, w := range ways {
			all = append(all, [2]string{spelled(token[:w.cut]), spelled(token[w.cut:])})
		}
	}
	return all
}

// file makes the tokenizer.json of such a tokenizer; a pattern cuts the text into words.
func (r *ranked) file(d folder, pattern string) *jsonFile {
	f := &jsonFile{dir: d, vocab: r.entries(), merges: r.merges()}
	f.Model = jsonModel{Type: "BPE", IgnoreMerges: true}
	f.PreTokenizer = splitThenBytes(pattern)
	return f
}

// splitThenBytes is the "pre_tokenizer" of byte-level BPE whose words a pattern cuts; "" is for GPT-2's.
func splitThenBytes(pattern string) json.RawMessage {
	type object map[string]any
	bytes := object{"type": "ByteLevel", "add_prefix_space": false, "use_regex": pattern == ""}
	var v any = bytes
	if pattern != "" {
		v = object{"type": "Sequence", "pretokenizers": []object{
			{"type": "Split", "pattern": object{"Regex": pattern}, "behavior": "Isolated", "invert": false}, bytes}}
	}
	data, err := json.Marshal(v)
	if err != nil {
		panic(err) // texts and truth values can always be written
	}
	return data
}
