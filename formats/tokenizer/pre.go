package tokenizer

import (
	"fmt"
	"slices"
	"strings"

	"bitmill/formats"
)

// choosePre sets Pre to the first name whose patterns and habits are the file's: whether words that are tokens stay
// whole (or whether that makes no difference), and whether BOS is added when nothing says so.
func (t *Tokenizer) choosePre(b *bpe, patterns []string, ignoreMerges bool) {
	found := presOf(patterns)
	for _, p := range found {
		if (t.bosSaid || p.addBOS == t.AddBOS) && (p.ignoreMerges == ignoreMerges || b.mergesReachAll(t)) {
			t.Pre = p.name
			return
		}
	}
	if len(found) > 0 {
		t.Pre = found[0].name
		t.warn(fmt.Sprintf("llama.cpp cuts words as %s does, but will not agree on taking whole words (ignore_merges %t) or on adding BOS (%t)",
			t.Pre, ignoreMerges, t.AddBOS))
		return
	}
	want := strings.Join(patterns, " ")
	names := slices.Clone(preferred)
	for _, p := range preTokenizers {
		if !p.underlined {
			names = append(names, p.name)
		}
	}
	candidates := make([]string, len(names))
	for i, name := range names {
		p, _ := findPre(name)
		candidates[i] = strings.Join(p.patterns, " ")
	}
	t.Pre = names[slices.Index(candidates, formats.Nearest(want, candidates))]
	t.warn(fmt.Sprintf("llama.cpp has no name for the pattern %s; GGUF files will say %s, the nearest one, and llama.cpp will cut some words otherwise",
		want, t.Pre))
}
