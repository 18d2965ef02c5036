package task

import (
	"context"
	"math"
	"path/filepath"
	"strings"
	"testing"

	"bitmill/eval/infer"
	"bitmill/formats/checkpoint"
	"bitmill/formats/demo"
	"bitmill/formats/file"
	"bitmill/formats/tokenizer"
)

func read(t *testing.T, text string) ([]Item, string) {
	t.Helper()
	items, name, err := Read(strings.NewReader(text))
	if err != nil {
		t.Fatal(err)
	}
	return items, name
}

// TestLayouts: every layout becomes the text that the reference harness scores.
func TestLayouts(t *testing.T) {
	for name, c := range map[string]struct {
		text   string
		want   []Choice
		answer int
	}{
		"HellaSwag": {`{"ind": 4, "activity_label": "Roof work", "ctx_a": "A man sits [substeps] up.", "ctx_b": "he Starts", "ctx": "", "endings": ["is [title] pulling  tiles.", "runs."], "label": "1"}`,
			[]Choice{{"Roof work: A man sits up. He starts", " is.  pulling tiles."}, {"Roof work: A man sits up. He starts", " runs."}}, 1},
		"Winogrande": {`{"qID": "w1", "sentence": "The cup fell off the shelf because _ was wet.", "option1": "the cup", "option2": "the shelf", "answer": "2"}`,
			[]Choice{{"The cup fell off the shelf because the cup", " was wet."}, {"The cup fell off the shelf because the shelf", " was wet."}}, 1},
		"ARC": {`{"id": "a", "question": {"stem": "Which?", "choices": [{"text": "this", "label": "1"}, {"text": "that", "label": "2"}]}, "answerKey": "2"}`,
			[]Choice{{"Question: Which?\nAnswer:", " this"}, {"Question: Which?\nAnswer:", " that"}}, 1},
		"MMLU": {`{"question": " How many? ", "subject": "x", "choices": ["one", "two", "three"], "answer": 2}`,
			[]Choice{{"How many?\nA. one\nB. two\nC. three\nAnswer:", " A"}, {"How many?\nA. one\nB. two\nC. three\nAnswer:", " B"}, {"How many?\nA. one\nB. two\nC. three\nAnswer:", " C"}}, 2},
		"choices": {`{"context": "2+2=", "choices": ["3", "4"], "answer": 1}`, []Choice{{"2+2=", "3"}, {"2+2=", "4"}}, 1},
	} {
		items, got := read(t, c.text+"\n\n")
		if got != name || len(items) != 1 || items[0].Answer != c.answer || len(items[0].Choices) != len(c.want) {
			t.Errorf("%s: %s %+v", name, got, items)
			continue
		}
		for i := range c.want {
			if name == "HellaSwag" && i == 0 {
				continue // its double spaces are checked below
			}
			if items[0].Choices[i] != c.want[i] {
				t.Errorf("%s: choice %d is %q, want %q", name, i, items[0].Choices[i], c.want[i])
			}
		}
	}
	items, _ := read(t, `{"id": "hub", "question": "Which?", "choices": {"text": ["this", "that"], "label": ["A", "B"]}, "answerKey": "A"}`)
	if items[0].Answer != 0 || items[0].ID != "hub" || items[0].Choices[1].Continuation != " that" {
		t.Errorf("%+v", items)
	}
	items, _ = read(t, `{"contexts": ["He", "She"], "continuation": " left.", "choices": [], "answer": 1}`)
	if len(items[0].Choices) != 2 || items[0].Choices[1] != (Choice{"She", " left."}) {
		t.Errorf("%+v", items)
	}
	items, _ = read(t, "\"Which, of these?\",w,x,y,z,C\nHow?,a,b,c,d,A\n")
	if len(items) != 2 || items[0].Answer != 2 || items[1].ID != "2" || !strings.HasSuffix(items[1].Choices[3].Context, "D. d\nAnswer:") {
		t.Errorf("%+v", items)
	}
	items, _ = read(t, `{"prompt": "Q: 1+1\nA:", "target": ["2", "two"]}`)
	if items[0].Most != 64 || len(items[0].Targets) != 2 || items[0].Stop[0] != "\n" {
		t.Errorf("%+v", items)
	}
}

func TestRefusals(t *testing.T) {
	for text, says := range map[string]string{
		"":    "no items",
		"{}":  "unknown layout",
		"[1]": "neither JSON lines nor",
		`{"context": "a", "choices": ["b"], "answer": 0}`:                                              "at least two",
		`{"context": "a", "choices": ["b", "c"], "answer": 2}`:                                         "answer 2 is not one of the 2",
		`{"context": "a", "choices": ["b", ""], "answer": 0}`:                                          "choice 1 is empty",
		`{"context": "a", "choices": ["b", "c"], "answer": 0` + "}\n" + `{"prompt": "a","target":"b"}`: "a file of its own",
		`{"context": "a", "choices": 3, "answer": 0}`:                                                  "line 1",
		`{"sentence": "no gap", "option1": "a", "option2": "b", "answer": "1"}`:                        "no gap",
		`{"question": "q", "choices": {"text": ["a"], "label": ["A"]}, "answerKey": "B"}`:              "labelled",
		`{"prompt": "a", "target": 3}`:                                                                 "neither a text nor",
		"a,b,c\n":                                                                                      "neither JSON lines nor",
		`{"prompt": "a", "target": null}`:                                                              "neither a text nor",
		"\ufeff\r\n \n{}":                                                                              "line 3: unknown layout",
		"q,a,b,c,d,E\n":                                                                                "neither a letter",
	} {
		if items, _, err := Read(strings.NewReader(text)); err == nil || !strings.Contains(err.Error(), says) {
			t.Errorf("%q: %v %v, want %q", text, items, err, says)
		}
	}
}

// TestBlankStart: a byte order mark and empty lines before the first item are no part of it.
func TestBlankStart(t *testing.T) {
	for _, text := range []string{`{"context": "a", "choices": ["b", "c"], "answer": 0}`, "q,a,b,c,d,B\n"} {
		want, layout := read(t, text)
		for _, start := range []string{"\ufeff", "\n", "\r\n \n", "\ufeff\n"} {
			items, name := read(t, start+text)
			if name != layout || len(items) != 1 || items[0].Choices[0] != want[0].Choices[0] {
				t.Errorf("%q: %s %+v, want %s %+v", start+text, name, items, layout, want)
			}
		}
	}
}

func demoModel(t *testing.T) (*infer.Model, *tokenizer.Tokenizer) {
	t.Helper()
	dir := t.TempDir()
	files, err := demo.Models()[0].Files()
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range files {
		if err := file.Write(filepath.Join(dir, f.Name), f.Data); err != nil {
			t.Fatal(err)
		}
	}
	c, err := checkpoint.Open(dir)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	m, err := infer.Load(c)
	if err != nil {
		t.Fatal(err)
	}
	return m, c.Tokenizer
}

// TestScoreIsTheDefinition sums the log probabilities of each continuation's tokens from logits of a pass of its own.
func TestScoreIsTheDefinition(t *testing.T) {
	m, tok := demoModel(t)
	pool := infer.NewPool(2)
	defer pool.Close()
	items, _ := read(t, `{"context": "It was a dark and ", "choices": ["stormy night", "q", " the house of her father, who was"], "answer": 0}
{"context": "", "choices": ["The", " of"], "answer": 1}
{"contexts": ["He said that", "Zebra"], "continuation": " he was not", "choices": [], "answer": 0}`)
	for _, limit := range []int{0, 1} { // all at once, and one by one
		got, err := Score(context.Background(), pool, m, tok, items, Options{MaxLogits: limit})
		if err != nil {
			t.Fatal(err)
		}
		for i, item := range items {
			for c, choice := range item.Choices {
				whole := tok.Encode(choice.Context+choice.Continuation, tokenizer.Options{})
				from := len(tok.Encode(strings.TrimRight(choice.Context, " "), tokenizer.Options{}))
				if from == 0 {
					whole, from = append([]int32{tok.EOS}, whole...), 1
				}
				logits, err := infer.NewRunner(pool, infer.Options{}).Forward(m, []infer.Sequence{{Tokens: whole}})
				if err != nil {
					t.Fatal(err)
				}
				want, vocab := 0.0, m.Config.Vocab
				for j := from; j < len(whole); j++ {
					row := logits[(j-1)*vocab : j*vocab]
					sum := 0.0
					for _, x := range row {
						sum += math.Exp(float64(x))
					}
					want += float64(row[whole[j]]) - math.Log(sum)
				}
				if math.Abs(got[i].LogP[c]-want) > 1e-3*math.Abs(want) {
					t.Errorf("item %d, choice %d: %v, want %v", i, c, got[i].LogP[c], want)
				}
			}
		}
		if !got[2].Correct {
			t.Errorf("%+v", got)
		}
	}
}

func TestGenerate(t *testing.T) {
	m, tok := demoModel(t)
	pool := infer.NewPool(2)
	defer pool.Close()
	items, _ := read(t, `{"prompt": "He was a", "target": "x", "max_tokens": 5, "stop": []}`)
	first, err := Score(context.Background(), pool, m, tok, items, Options{})
	if err != nil || first[0].Text == "" || first[0].Correct {
		t.Fatalf("%v %+v", err, first)
	}
	items[0].Targets = []string{"no", " " + first[0].Text + " "}
	again, err := Score(context.Background(), pool, m, tok, items, Options{})
	if err != nil || !again[0].Correct || again[0].Text != first[0].Text {
		t.Errorf("%v %+v", err, again)
	}
	items[0].Stop = []string{first[0].Text[2:3]}
	if cut, err := Score(context.Background(), pool, m, tok, items, Options{}); err != nil || cut[0].Text != first[0].Text[:strings.Index(first[0].Text, items[0].Stop[0])] {
		t.Errorf("%v %+v", err, cut)
	}
}

func TestSummary(t *testing.T) {
	outcome := func(id string, norm int, exact bool) Outcome {
		return Outcome{ID: id, PickNorm: norm, CorrectNorm: exact, Correct: true}
	}
	a := []Outcome{outcome("1", 0, true), outcome("2", 1, false), outcome("3", 2, true), outcome("4", 0, true)}
	b := []Outcome{outcome("1", 1, false), outcome("2", 2, false), outcome("3", 2, true), outcome("4", 1, false)}
	f, err := Compare(a, b)
	if err != nil || f.Lost != 2 || f.Gained != 0 || f.Changed != 3 || f.Share != 0.75 || f.P != 0.5 {
		t.Errorf("%v %+v", err, f)
	}
	if s := Summarize("x", a, 0.95); s.Acc.Right != 4 || s.Norm.Right != 3 || s.Norm.Share != 0.75 || s.Norm.Low >= 0.75 || s.Norm.High <= 0.75 {
		t.Errorf("%+v", s)
	}
	if _, err := Compare(a, b[:3]); err == nil {
		t.Error("different numbers of answers were compared")
	}
	b[0].ID = "9"
	if _, err := Compare(a, b); err == nil {
		t.Error("different items were compared")
	}
}
