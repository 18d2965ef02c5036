package task

import (
	"encoding/json"
	"errors"
	"fmt"
	"regexp"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"

	"bitmill/formats"
)

// The public layouts are turned into text as the reference harness's tasks of these names do, without examples before
// the question.

// flexible is an int that may be written as a string.
type flexible int

func (f *flexible) UnmarshalJSON(data []byte) error {
	n, err := strconv.Atoi(strings.Trim(string(data), `"`))
	if err != nil {
		return fmt.Errorf("%s is not a whole number", data)
	}
	*f = flexible(n)
	return nil
}

// itemOf reads an object in the layout T.
func itemOf[T interface{ item() (Item, error) }](data []byte) (Item, error) {
	var layout T
	if err := json.Unmarshal(data, &layout); err != nil {
		return Item{}, formats.JSONError(err)
	}
	return layout.item()
}

// after makes choices that follow one context.
func after(context, delimiter string, texts []string) []Choice {
	var out []Choice
	for _, t := range texts {
		out = append(out, Choice{context, delimiter + t})
	}
	return out
}

var brackets = regexp.MustCompile(`\[.*?\]`)

// hellaSwag cleans WikiHow's marks: " [title]" ends a sentence, other brackets go.
type hellaSwag struct {
	Activity string   `json:"activity_label"`
	A        string   `json:"ctx_a"`
	B        string   `json:"ctx_b"`
	Endings  []string `json:"endings"`
	Label    flexible `json:"label"`
}

func (d hellaSwag) item() (Item, error) {
	clean := func(s string) string {
		s = strings.ReplaceAll(strings.TrimSpace(s), " [title]", ". ")
		return strings.ReplaceAll(brackets.ReplaceAllString(s, ""), "  ", " ")
	}
	endings := make([]string, len(d.Endings))
	for i, e := range d.Endings {
		endings[i] = clean(e)
	}
	return Item{Choices: after(clean(d.Activity+": "+d.A+" "+capitalize(d.B)), " ", endings), Answer: int(d.Label)}, nil
}

// capitalize makes the first letter a capital and all others small, as Python's str.capitalize does.
func capitalize(s string) string {
	first, size := utf8.DecodeRuneInString(s)
	if size == 0 {
		return s
	}
	return string(unicode.ToTitle(first)) + strings.ToLower(s[size:])
}

// winogrande puts each option into the gap; the text after the gap is scored.
type winogrande struct {
	ID       string   `json:"qID"`
	Sentence string   `json:"sentence"`
	Option1  string   `json:"option1"`
	Option2  string   `json:"option2"`
	Answer   flexible `json:"answer"`
}

func (d winogrande) item() (Item, error) {
	before, rest, ok := strings.Cut(d.Sentence, "_")
	if !ok {
		return Item{}, errors.New("the sentence has no gap _")
	}
	rest = " " + strings.TrimSpace(rest)
	choices := []Choice{{before + d.Option1, rest}, {before + d.Option2, rest}}
	return Item{ID: d.ID, Choices: choices, Answer: int(d.Answer) - 1}, nil
}

// arc reads the original files and those of the common hub: choices as a list or as two lists.
type arc struct {
	ID       string          `json:"id"`
	Question json.RawMessage `json:"question"`
	Choices  struct {
		Text  []string `json:"text"`
		Label []string `json:"label"`
	} `json:"choices"`
	Key string `json:"answerKey"`
}

func (d arc) item() (Item, error) {
	var stem string
	if json.Unmarshal(d.Question, &stem) != nil {
		var q struct {
			Stem    string `json:"stem"`
			Choices []struct {
				Text  string `json:"text"`
				Label string `json:"label"`
			} `json:"choices"`
		}
		if err := json.Unmarshal(d.Question, &q); err != nil {
			return Item{}, formats.JSONError(err)
		}
		stem = q.Stem
		for _, c := range q.Choices {
			d.Choices.Text, d.Choices.Label = append(d.Choices.Text, c.Text), append(d.Choices.Label, c.Label)
		}
	}
	item := Item{ID: d.ID, Choices: after("Question: "+stem+"\nAnswer:", " ", d.Choices.Text), Answer: -1}
	for i, l := range d.Choices.Label {
		if l == d.Key {
			item.Answer = i
		}
	}
	if item.Answer < 0 {
		return Item{}, fmt.Errorf("no choice is labelled %q", d.Key)
	}
	return item, nil
}

// mmlu answers with a letter or a number from 0.
type mmlu struct {
	Question string          `json:"question"`
	Choices  []string        `json:"choices"`
	Answer   json.RawMessage `json:"answer"`
}

func (d mmlu) item() (Item, error) {
	return lettered(d.Question, d.Choices, strings.Trim(string(d.Answer), `"`))
}

// lettered is a question whose choices are listed under letters; the letters are scored.
func lettered(question string, choices []string, answer string) (Item, error) {
	if len(choices) > 26 {
		return Item{}, fmt.Errorf("%d choices: there are only 26 letters", len(choices))
	}
	text := strings.TrimSpace(question)
	var letters []string
	at := -1
	for i, c := range choices {
		letter := string(rune('A' + i))
		text += "\n" + letter + ". " + c
		letters = append(letters, letter)
		if answer == letter || answer == strconv.Itoa(i) {
			at = i
		}
	}
	if at < 0 {
		return Item{}, fmt.Errorf("answer %q is neither a letter nor a number of the %d choices", answer, len(choices))
	}
	return Item{Choices: after(text+"\nAnswer:", " ", letters), Answer: at}, nil
}

// plainChoices are choices as they stand after one context, or contexts before one continuation.
type plainChoices struct {
	ID           string   `json:"id"`
	Context      string   `json:"context"`
	Contexts     []string `json:"contexts"`
	Continuation string   `json:"continuation"`
	Choices      []string `json:"choices"`
	Answer       flexible `json:"answer"`
}

func (d plainChoices) item() (Item, error) {
	item := Item{ID: d.ID, Choices: after(d.Context, "", d.Choices), Answer: int(d.Answer)}
	for _, c := range d.Contexts {
		item.Choices = append(item.Choices, Choice{c, d.Continuation})
	}
	return item, nil
}

// generation asks for a text; target is one or a list.
type generation struct {
	ID     string          `json:"id"`
	Prompt string          `json:"prompt"`
	Target json.RawMessage `json:"target"`
	Stop   []string        `json:"stop"`
	Most   int             `json:"max_tokens"`
}

func (d generation) item() (Item, error) {
	item := Item{ID: d.ID, Prompt: d.Prompt, Stop: d.Stop, Most: d.Most}
	var one string
	if string(d.Target) != "null" && json.Unmarshal(d.Target, &one) == nil {
		item.Targets = []string{one}
	} else if json.Unmarshal(d.Target, &item.Targets) != nil || len(item.Targets) == 0 {
		return Item{}, errors.New("target is neither a text nor a list of texts")
	}
	if item.Most <= 0 {
		item.Most = 64
	}
	if item.Stop == nil {
		item.Stop = []string{"\n"}
	}
	return item, nil
}
