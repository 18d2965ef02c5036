package tokenizer

import (
	"bytes"
	"encoding/base64"
	"fmt"
	"io/fs"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"bitmill/formats"
)

// rankLine is a line of tiktoken's format: the bytes of a token in base64, and its rank.
var rankLine = regexp.MustCompile(`^\s*[A-Za-z0-9+/]+={0,2} \d+\s*(\n|$)`)

// isTiktoken reports whether a file is a list of ranks; tokenizer.model can be that or a SentencePiece model.
func isTiktoken(data []byte) bool { return rankLine.Match(data[:min(len(data), 4096)]) }

// tiktokenKind is a family of tokenizers in tiktoken's format, whose files hold neither pattern nor special tokens.
type tiktokenKind struct {
	names   []string // of files, or tokenizer classes, in lower case
	pattern string
	special []string // that follow the ranks where tokenizer_config.json lists none
	fill    int      // special tokens at least, reserved ones without a name
}

// tiktokenKinds are searched in order; the last one is for every other file, as in transformers. Sources of patterns
// and tokens: tokenization_qwen.py, tokenization_hy.py and tokenization_kimi.py of the models; Llama 3.1's tokenizer.json.
var tiktokenKinds = []tiktokenKind{
	{[]string{"qwen.tiktoken", "qwentokenizer"}, qwen2,
		slices.Concat([]string{"<|endoftext|>", "<|im_start|>", "<|im_end|>"}, numbered("<|extra_%d|>", 0, 205)), 0},
	{[]string{"hy.tiktoken", "hytokenizer"}, qwen2, slices.Concat([]string{"<|endoftext|>", "<|startoftext|>", "<|bos|>",
		"<|eos|>", "<|pad|>"}, numbered("<|extra_%d|>", 0, 205)), 0},
	{[]string{"tiktokentokenizer", "tiktokentokenizerfast"}, kimi, nil, 258},
	{nil, llama3, nil, 0},
}

// llama3Tokens follow Llama 3's 128,000 ranks.
var llama3Tokens = slices.Concat([]string{"<|begin_of_text|>", "<|end_of_text|>", "<|reserved_special_token_0|>",
	"<|reserved_special_token_1|>", "<|finetune_right_pad_id|>", "<|reserved_special_token_2|>", "<|start_header_id|>",
	"<|end_header_id|>", "<|eom_id|>", "<|eot_id|>", "<|python_tag|>"}, numbered("<|reserved_special_token_%d|>", 3, 245))

// llama3Ranks is the number of ranks in Llama 3's file.
const llama3Ranks = 128000

func numbered(form string, first, n int) []string {
	all := make([]string, n)
	for i := range all {
		all[i] = fmt.Sprintf(form, first+i)
	}
	return all
}

// tiktoken opens a file of ranks: tokenizer.model, tiktoken.model or NAME.tiktoken.
func (d folder) tiktoken() (*Tokenizer, error) {
	names, err := fs.Glob(d.files, "*.tiktoken")
	if err != nil {
		return nil, err
	}
	for _, name := range slices.Concat([]string{"tokenizer.model", "tiktoken.model"}, names) {
		data, err := d.readFile(name)
		if err != nil {
			return nil, err
		}
		if data == nil || !isTiktoken(data) {
			continue
		}
		r, err := parseRanks(d.path(name), data)
		if err != nil {
			return nil, err
		}
		return d.fromRanks(name, r)
	}
	return nil, nil
}

// parseRanks reads the lines; the ranks must be 0, 1, 2 ... in any order.
func parseRanks(path string, data []byte) (*ranked, error) {
	empty := func(line []byte) bool { return len(bytes.TrimSpace(line)) == 0 }
	lines := slices.DeleteFunc(bytes.Split(data, []byte("\n")), empty)
	r := &ranked{tokens: make([]string, len(lines))}
	for i, line := range lines {
		code, number, _ := strings.Cut(strings.TrimSpace(string(line)), " ")
		token, err := base64.StdEncoding.DecodeString(code)
		rank, errRank := strconv.Atoi(number)
		if err != nil || errRank != nil || rank < 0 || rank >= len(lines) || r.tokens[rank] != "" || len(token) == 0 {
			return nil, formats.Corruptf(path, -1, "ranks", "line %d: %q", i+1, line)
		}
		r.tokens[rank] = string(token)
	}
	return r, nil
}

// fromRanks makes the tokenizer. Special tokens follow the ranks: those of added_tokens_decoder at the ids that it
// says, with reserved ones between them, or else those of the kind.
func (d folder) fromRanks(name string, r *ranked) (*Tokenizer, error) {
	named, err := readNamed(d, nil)
	if err != nil {
		return nil, err
	}
	class, err := d.class()
	if err != nil {
		return nil, err
	}
	k := tiktokenKinds[slices.IndexFunc(tiktokenKinds, func(k tiktokenKind) bool {
		return k.names == nil || slices.Contains(k.names, name) || slices.Contains(k.names, strings.ToLower(class))
	})]
	f := r.file(d, k.pattern)
	first := len(r.tokens)
	byID, last := map[int]jsonToken{}, -1
	for _, t := range named.decoder {
		byID[int(t.ID)], last = t, max(last, int(t.ID))
	}
	special := k.special
	last = max(last, first+k.fill-1)
	switch {
	case last >= first:
		special = nil
		for id := first; id <= last && (d.has(int32(id)) || byID[id].Content != ""); id++ {
			t, ok := byID[id]
			if !ok {
				t = jsonToken{Content: fmt.Sprintf("<|reserved_token_%d|>", id), Special: true}
			}
			t.ID = int32(id)
			f.AddedTokens = append(f.AddedTokens, t)
		}
	case k.names == nil && first == llama3Ranks:
		special = llama3Tokens
		f.PostProcessor = startsWith(special[0])
		f.usual = map[string]string{"bos_token": special[0], "eos_token": special[1]}
	}
	for i, text := range special {
		if !d.has(int32(first + i)) {
			break // reserved ones
		}
		f.AddedTokens = append(f.AddedTokens, jsonToken{ID: int32(first + i), Content: text, Special: true})
	}
	t, err := f.openAs(d.path(name))
	if err == nil && k.names == nil && first != llama3Ranks {
		t.warn(fmt.Sprintf("%s does not say where it cuts texts; the pattern of Llama 3 is taken, as transformers does",
			d.path(name)))
	}
	return t, err
}
