package eval

import (
	"hash/maphash"
	"strings"
	"unicode"
)

// overlapWords is the length of the runs that Overlap looks for: thirteen words seldom repeat by chance (Brown et al.
// 2020, appendix C).
const overlapWords = 13

// overlapKept bounds the runs that are remembered: a text with more is sampled by hash, the same way on both sides.
const overlapKept = 1 << 20

// Overlap is the share of the evaluation text's runs of thirteen words that also occur in the calibration text. Words
// are letters and digits, whatever their case. It is 0 when either text is shorter than a run; long texts are sampled.
func Overlap(calibration, evaluation string) float64 {
	seed := maphash.MakeSeed()
	step := uint64(len(calibration)/6/overlapKept + 1) // about six bytes a word
	seen := map[uint64]bool{}
	runs(seed, calibration, func(h uint64) {
		if h%step == 0 {
			seen[h] = true
		}
	})
	shared, all := 0, 0
	runs(seed, evaluation, func(h uint64) {
		if h%step != 0 {
			return
		}
		all++
		if seen[h] {
			shared++
		}
	})
	if all == 0 {
		return 0
	}
	return float64(shared) / float64(all)
}

// runs calls f with the hash of every run of words: a polynomial of the words' hashes, from which the oldest word is
// taken as the next is added.
func runs(seed maphash.Seed, text string, f func(hash uint64)) {
	const base = 0x9e3779b97f4a7c15
	oldest := uint64(1)
	for range overlapWords {
		oldest *= base
	}
	var words [overlapWords]uint64 // hashes of the last words, a ring
	n, h := 0, uint64(0)
	between := func(r rune) bool { return !unicode.IsLetter(r) && !unicode.IsDigit(r) }
	for word := range strings.FieldsFuncSeq(text, between) {
		at := &words[n%overlapWords]
		h -= *at * oldest
		*at = maphash.String(seed, strings.ToLower(word))
		h = (h + *at) * base
		if n++; n >= overlapWords {
			f(h ^ h>>32)
		}
	}
}
