package tokenizer

import (
	"encoding/json"
	"fmt"
	"strings"

	"bitmill/formats"
)

// vocabJSON opens GPT-2's two files, vocab.json and merges.txt. They do not say where texts are cut; the class that
// tokenizer_config.json names does.
func (d folder) vocabJSON() (*Tokenizer, error) {
	path := d.path("vocab.json")
	data, err := d.readFile("vocab.json")
	if data == nil || err != nil {
		return nil, err
	}
	lines, err := d.readFile("merges.txt")
	if lines == nil || err != nil {
		return nil, err
	}
	name, err := d.class()
	if err != nil {
		return nil, err
	}
	c, ok := classOf(name)
	if !ok {
		return nil, fmt.Errorf("%s: %w: vocab.json and merges.txt of the tokenizer class %q, whose pattern is not known; "+
			"save the tokenizer as tokenizer.json with transformers: AutoTokenizer.from_pretrained(DIR).save_pretrained(DIR)",
			path, formats.ErrUnsupported, name)
	}
	f := &jsonFile{dir: d, merges: readMergeLines(string(lines)), usual: c.usual, PreTokenizer: c.preTokenizer()}
	f.Model = jsonModel{Type: "BPE", Vocab: data}
	if c.nfc {
		f.Normalizer = json.RawMessage(`{"type":"NFC"}`)
	}
	return f.openAs(path)
}

// readMergeLines reads merges.txt: a pair a line, after a line with the version.
func readMergeLines(text string) [][2]string {
	var lines []string
	for line := range strings.Lines(text) {
		if line = strings.TrimRight(line, "\r\n"); line != "" && !strings.HasPrefix(line, "#version") {
			lines = append(lines, line)
		}
	}
	return cutMerges(lines)
}
