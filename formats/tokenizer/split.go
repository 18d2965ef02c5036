package tokenizer

import "bitmill/formats/tokenizer/pattern"

// A splitter cuts text into the pieces that byte-pair encoding may not merge across ("pre-tokenization"), and calls
// piece with each. Several in a row each cut the pieces of the one before.
type splitter func(text string, piece func(string))

// splitAll runs text through all splitters.
func splitAll(stages []splitter, text string, piece func(string)) {
	if len(stages) == 0 {
		if text != "" {
			piece(text)
		}
		return
	}
	stages[0](text, func(s string) { splitAll(stages[1:], s, piece) })
}

// splitters compiles patterns that follow one another.
func splitters(patterns ...string) ([]splitter, error) {
	var stages []splitter
	for _, text := range patterns {
		p, err := pattern.Compile(text)
		if err != nil {
			return nil, err
		}
		stages = append(stages, p.Split)
	}
	return stages, nil
}
