package task

import (
	"strings"
	"testing"
)

// FuzzRead: no file of tasks panics, and every item that is accepted can be scored.
func FuzzRead(f *testing.F) {
	for _, s := range []string{
		`{"context": "a", "choices": ["b", "c"], "answer": 0}`,
		`{"contexts": ["a", "b"], "continuation": "c", "choices": [], "answer": "1"}`,
		`{"prompt": "a", "target": ["b"], "stop": ["\n"], "max_tokens": 32}`,
		`{"activity_label": "a", "ctx_a": "b", "ctx_b": "c", "endings": ["d [title] e", "f"], "label": "1"}`,
		`{"qID": "a", "sentence": "a _ b", "option1": "c", "option2": "d", "answer": "2"}`,
		`{"id": "a", "question": {"stem": "b", "choices": [{"text": "c", "label": "A"}]}, "choices": {}, "answerKey": "A"}`,
		`{"question": "a", "choices": ["b", "c"], "answer": 9223372036854775807}`,
		"\ufeff\n\"a\",b,c,d,e,A\n",
	} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, text string) {
		items, _, err := Read(strings.NewReader(text))
		if err != nil {
			return
		}
		for _, i := range items {
			if i.Targets == nil && (i.Answer < 0 || i.Answer >= len(i.Choices)) {
				t.Fatalf("%+v", i)
			}
		}
	})
}
