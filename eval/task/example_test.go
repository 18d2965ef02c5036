package task_test

import (
	"fmt"
	"strings"

	"bitmill/eval/task"
)

func ExampleRead() {
	items, layout, err := task.Read(strings.NewReader(`{"context": "2 + 2 =", "choices": [" 3", " 4"], "answer": 1}`))
	if err != nil {
		fmt.Println(err)
		return
	}
	right := items[0].Choices[items[0].Answer]
	fmt.Printf("%s: %q\n", layout, right.Context+right.Continuation)
	// Output: choices: "2 + 2 = 4"
}

func ExampleCompare() {
	reference := []task.Outcome{{ID: "1", PickNorm: 0, CorrectNorm: true}, {ID: "2", PickNorm: 1}}
	candidate := []task.Outcome{{ID: "1", PickNorm: 2}, {ID: "2", PickNorm: 1}}
	f, err := task.Compare(reference, candidate)
	fmt.Println(f.Lost, f.Gained, f.Changed, err)
	// Output: 1 0 1 <nil>
}
