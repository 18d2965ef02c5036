package tokenizer

import (
	"encoding/json"
	"math/rand/v2"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"
)

// TestMergeOrders compares the linear search with the queue, and both with the definition.
func TestMergeOrders(t *testing.T) {
	tok, err := small(t, nil, nil)
	if err != nil {
		t.Fatal(err)
	}
	b := tok.model.(*bpe)
	naive := func(ids []int32) []int32 {
		for {
			best, at := merge{rank: unmergeable}, -1
			for i := 1; i < len(ids); i++ {
				if m := b.of(ids[i-1], ids[i]); m.rank < best.rank {
					best, at = m, i-1
				}
			}
			if at < 0 {
				return ids
			}
			ids = slices.Replace(ids, at, at+2, best.id)
		}
	}
	r := rand.New(rand.NewPCG(5, 6))
	merged := 0
	for range 2000 {
		word := ""
		for range 1 + r.IntN(20) {
			id := 1 + r.IntN(len(tok.tokens)-1)
			word += string(tok.Decode([]int32{int32(id)}))
		}
		short, long := &scratch{}, &scratch{}
		for i := range len(word) {
			short.ids = append(short.ids, b.byteID[word[i]])
		}
		long.ids = slices.Clone(short.ids)
		want := naive(slices.Clone(short.ids))
		b.mergeShort(short)
		b.mergeLong(long)
		if !slices.Equal(short.ids, want) || !slices.Equal(long.ids, want) {
			t.Fatalf("%q\nshort %v\n long %v\n want %v", word, short.ids, long.ids, want)
		}
		merged += len(word) - len(want)
	}
	if merged < 10000 {
		t.Errorf("only %d merges were tried", merged)
	}
}

// TestLongWord: one word of a million bytes must not take quadratic time (hours); half a minute is plenty, even under the race detector.
func TestLongWord(t *testing.T) {
	tok, err := small(t, nil, nil)
	if err != nil {
		t.Fatal(err)
	}
	for _, unit := range []string{"a", "the", "onetwo"} {
		text := strings.Repeat(unit, 1_000_000/len(unit))
		start := time.Now()
		ids := tok.Encode(text, Options{NoSpecial: true})
		if took := time.Since(start); took > 30*time.Second {
			t.Errorf("%q: %v", unit, took)
		}
		if back := tok.Decode(ids); string(back) != text {
			t.Errorf("%q: the text did not come back", unit)
		}
	}
}

// TestConcurrent is for the race detector, and checks that the word cache mixes nothing up, beginning afresh included.
func TestConcurrent(t *testing.T) {
	tok, err := small(t, nil, nil)
	if err != nil {
		t.Fatal(err)
	}
	r := rand.New(rand.NewPCG(7, 8))
	texts := make([]string, 200)
	want := make([][]int32, len(texts))
	for i := range texts {
		texts[i] = randomText(r, false)
		fresh := *tok
		fresh.model = &bpe{stages: tok.model.(*bpe).stages, byteID: tok.model.(*bpe).byteID, merges: tok.model.(*bpe).merges}
		want[i] = fresh.Encode(texts[i], Options{})
	}
	var wg sync.WaitGroup
	for range 4 {
		wg.Go(func() {
			for i, text := range texts {
				if got := tok.Encode(text, Options{}); !slices.Equal(got, want[i]) {
					t.Errorf("%q: %v, want %v", text, got, want[i])
				}
			}
		})
	}
	wg.Wait()
}

// TestCacheStartsAfresh encodes more different words than the cache holds.
func TestCacheStartsAfresh(t *testing.T) {
	tok, err := small(t, nil, nil)
	if err != nil {
		t.Fatal(err)
	}
	var b strings.Builder
	for i := range cachedWords + 1000 {
		b.WriteByte(' ')
		for v := i; v > 0; v /= 26 {
			b.WriteByte(byte('a' + v%26))
		}
	}
	text := b.String()
	first := tok.Encode(text, Options{})
	if again := tok.Encode(text, Options{}); !slices.Equal(again, first) {
		t.Error("the second time gives other ids")
	}
	if string(tok.Decode(first)) != text {
		t.Error("the text did not come back")
	}
}

func TestIgnoreMerges(t *testing.T) {
	// "ab" is a token, but no merge makes it.
	const file = `{"added_tokens":[],"pre_tokenizer":{"type":"ByteLevel","add_prefix_space":false},
		"model":{"type":"BPE","ignore_merges":%,"vocab":{"a":0,"b":1,"ab":2,"c":3,"bc":4},"merges":["b c"]}}`
	for ignore, want := range map[string][]int32{"true": {2, 0, 4}, "false": {0, 1, 0, 4}} {
		var f jsonFile
		if err := json.Unmarshal([]byte(strings.Replace(file, "%", ignore, 1)), &f); err != nil {
			t.Fatal(err)
		}
		f.dir.files = noFiles{}
		tok, err := f.open()
		if err != nil {
			t.Fatal(err)
		}
		got := append(tok.Encode("ab", Options{}), tok.Encode("abc", Options{})...)
		if !slices.Equal(got, want) {
			t.Errorf("ignore_merges %s: %v, want %v", ignore, got, want)
		}
		// gpt-2 does not take words whole, so the name fits only when the file does not either.
		if ok := slices.ContainsFunc(tok.Warnings, func(w string) bool { return strings.Contains(w, "ignore_merges true") }); ok != (ignore == "true") {
			t.Errorf("ignore_merges %s: warnings %q", ignore, tok.Warnings)
		}
		// All bytes of UTF-8 but a, b and c have no token: 00 to BF, less three, and C2 to F4.
		if all := strings.Join(tok.Warnings, "\n"); !strings.Contains(all, "240 bytes of UTF-8 have no token (00 01 02 ") ||
			!strings.Contains(all, " 60 64 ") || !strings.Contains(all, " BF C2 ") || !strings.Contains(all, " F4) and are dropped") {
			t.Errorf("warnings %q", tok.Warnings)
		}
	}
}
