package tokenizer

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"bitmill/formats"
)

// spAdded is a token that files beside the model add to it, under the id that they claim.
type spAdded struct {
	id      int
	text    string
	kind    Kind
	decoder bool // of added_tokens_decoder
}

// addTokens sets the added tokens. One whose text is a piece has the piece's id, and one that claims the id of another
// piece takes its place; the others count on from the end, as in Hugging Face's library.
func (m *sentencePiece) addTokens(d folder, set func(id int, text string, score float32, kind Kind)) error {
	list, err := readSPAdded(d)
	if err != nil {
		return err
	}
	place := make(map[string]int, len(m.pieces))
	for id, p := range m.pieces {
		place[p.text] = id
	}
	next := len(m.pieces)
	for _, a := range list {
		if a.text == "" {
			continue
		}
		id, ok := place[a.text]
		if !ok {
			if id = a.id; id >= len(m.pieces) {
				id, next = next, next+1
			}
			place[a.text] = id
		}
		if m.unigram && a.decoder && id < len(m.pieces) {
			continue // the converter does not read that file for these models
		}
		switch {
		case id != a.id:
			m.notes = append(m.notes, fmt.Sprintf("%q is token %d, not %d", a.text, id, a.id))
		case id < len(m.pieces) && m.pieces[id].text != a.text && m.pieces[id].kind != Unused:
			m.notes = append(m.notes, fmt.Sprintf("token %d, %q, becomes %q", id, m.pieces[id].text, a.text))
		}
		text := a.text
		if a.decoder && a.kind == UserDefined {
			text = strings.ReplaceAll(text, underline, " ")
		}
		set(id, text, -1000, a.kind)
	}
	return nil
}

// told is a sentence about added tokens that are not where a file says; "" when all are.
func (m *sentencePiece) told() string {
	if len(m.notes) == 0 {
		return ""
	}
	more := ""
	if n := len(m.notes) - 1; n > 0 {
		more = fmt.Sprintf(", and %d more differ", n)
	}
	return fmt.Sprintf("the files beside %s do not agree with it on the ids of added tokens: %s%s", m.path, m.notes[0],
		more)
}

// readSPAdded reads added_tokens.json, then the added_tokens_decoder of tokenizer_config.json, each by id.
func readSPAdded(d folder) ([]spAdded, error) {
	var added map[string]int
	if err := d.readJSON("added_tokens.json", &added); err != nil {
		return nil, err
	}
	var first, second []spAdded
	for text, id := range added {
		if id < 0 || id >= mostTokens {
			return nil, formats.Corruptf(d.path("added_tokens.json"), -1, text, "the id %d", id)
		}
		first = append(first, spAdded{id, text, UserDefined, false})
	}
	var config struct {
		Added map[string]struct {
			Content string `json:"content"`
			Special bool   `json:"special"`
		} `json:"added_tokens_decoder"`
	}
	if err := d.readJSON("tokenizer_config.json", &config); err != nil {
		return nil, err
	}
	for key, a := range config.Added {
		id, err := strconv.Atoi(key)
		if err != nil || id < 0 || id >= mostTokens {
			return nil, formats.Corruptf(d.path("tokenizer_config.json"), -1, "added_tokens_decoder", "the id %q", key)
		}
		kind := UserDefined
		if a.Special || looksSpecial(a.Content) {
			kind = Control
		}
		second = append(second, spAdded{id, a.Content, kind, true})
	}
	for _, list := range [][]spAdded{first, second} {
		slices.SortFunc(list, func(a, b spAdded) int {
			if a.id != b.id {
				return a.id - b.id
			}
			return strings.Compare(a.text, b.text)
		})
	}
	return append(first, second...), nil
}
