package task

import (
	"bufio"
	"bytes"
	"encoding/csv"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
	"strconv"

	"bitmill/formats"
)

// layout is one way to write an item as a JSON object.
type layout struct {
	name string
	keys []string // all must be there
	item func(data []byte) (Item, error)
}

// layouts are tried in order; the first whose keys are all present reads the object.
var layouts = []layout{
	{"HellaSwag", []string{"activity_label", "endings", "label"}, itemOf[hellaSwag]},
	{"Winogrande", []string{"sentence", "option1", "option2", "answer"}, itemOf[winogrande]},
	{"ARC", []string{"question", "answerKey"}, itemOf[arc]},
	{"MMLU", []string{"question", "choices", "answer"}, itemOf[mmlu]},
	{"choices", []string{"choices", "answer"}, itemOf[plainChoices]},
	{"generation", []string{"prompt", "target"}, itemOf[generation]},
}

// Read reads a task: one JSON object a line, in one of the layouts
//
//	{"context": "…", "choices": ["…", "…"], "answer": 0}                    choices follow the context as they stand
//	{"contexts": ["…", "…"], "continuation": "…", "choices": [], "answer": 0}   or one continuation follows each context
//	{"prompt": "…", "target": "…" or ["…"], "stop": ["\n"], "max_tokens": 32}   generated text
//
// or in the public ones of HellaSwag, Winogrande, ARC and MMLU; or MMLU's CSV (question, four choices, letter). It
// returns the layout's name.
func Read(r io.Reader) ([]Item, string, error) {
	b := bufio.NewReader(r)
	skipped, err := skipBlank(b)
	if err != nil {
		return nil, "", err
	}
	if first, _ := b.Peek(1); len(first) == 1 && first[0] != '{' {
		items, err := readCSV(b)
		return items, "MMLU", err
	}
	var items []Item
	var name string
	for line := 1 + skipped; ; line++ {
		data, err := b.ReadBytes('\n')
		if data = bytes.TrimSpace(data); len(data) > 0 {
			item, layout, err := parse(data)
			if err != nil {
				return nil, "", fmt.Errorf("line %d: %w", line, err)
			}
			if name != "" && layout != name {
				return nil, "", fmt.Errorf("line %d: a %s item after %s items: put each kind in a file of its own",
					line, layout, name)
			}
			name = layout
			if item.ID == "" {
				item.ID = strconv.Itoa(line)
			}
			items = append(items, item)
		}
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return nil, "", err
		}
	}
	if len(items) == 0 {
		return nil, "", errors.New("it holds no items")
	}
	return items, name, nil
}

// skipBlank skips a byte order mark and the empty lines before the first item, and returns the number of those lines.
func skipBlank(b *bufio.Reader) (lines int, err error) {
	if mark, _ := b.Peek(3); string(mark) == "\ufeff" {
		b.Discard(len(mark))
	}
	for {
		c, err := b.ReadByte()
		switch {
		case errors.Is(err, io.EOF):
			return lines, nil
		case err != nil:
			return lines, err
		case c == '\n':
			lines++
		case c != ' ' && c != '\t' && c != '\r':
			return lines, b.UnreadByte()
		}
	}
}

func parse(data []byte) (Item, string, error) {
	var keys map[string]json.RawMessage
	if err := json.Unmarshal(data, &keys); err != nil {
		return Item{}, "", formats.JSONError(err)
	}
	for _, l := range layouts {
		if slices.ContainsFunc(l.keys, func(k string) bool { _, ok := keys[k]; return !ok }) {
			continue
		}
		item, err := l.item(data)
		if err == nil {
			err = item.check()
		}
		if err != nil {
			return Item{}, "", fmt.Errorf("%s item: %w", l.name, err)
		}
		return item, l.name, nil
	}
	return Item{}, "", errors.New(`unknown layout: give "context", "choices" and "answer", or "prompt" and "target"`)
}

// check refuses an item that cannot be scored.
func (i *Item) check() error {
	if i.Targets != nil {
		if i.Prompt == "" {
			return errors.New("the prompt is empty")
		}
		return nil
	}
	if len(i.Choices) < 2 {
		return fmt.Errorf("%d choices: at least two are needed", len(i.Choices))
	}
	if i.Answer < 0 || i.Answer >= len(i.Choices) {
		return fmt.Errorf("answer %d is not one of the %d choices", i.Answer, len(i.Choices))
	}
	for n, c := range i.Choices {
		if c.Continuation == "" {
			return fmt.Errorf("choice %d is empty", n)
		}
	}
	return nil
}

// readCSV reads MMLU's files: question, A, B, C, D, letter of the answer; no header.
func readCSV(r io.Reader) ([]Item, error) {
	c := csv.NewReader(r)
	c.FieldsPerRecord = 6
	records, err := c.ReadAll()
	if err != nil {
		return nil, fmt.Errorf("neither JSON lines nor MMLU's CSV: %w", err)
	}
	if len(records) == 0 {
		return nil, errors.New("it holds no items")
	}
	var items []Item
	for n, f := range records {
		item, err := lettered(f[0], f[1:5], f[5])
		if err == nil {
			err = item.check()
		}
		if err != nil {
			return nil, fmt.Errorf("record %d: %w", n+1, err)
		}
		item.ID = strconv.Itoa(n + 1)
		items = append(items, item)
	}
	return items, nil
}
