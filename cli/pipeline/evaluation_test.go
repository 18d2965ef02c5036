package pipeline

import (
	"context"
	"encoding/json"
	"errors"
	"reflect"
	"slices"
	"testing"

	"bitmill/cli/steps"
	"bitmill/eval"
	"bitmill/eval/infer"
	"bitmill/eval/score"
)

// stepping asks for two windows at a time, of candidate i until it has most[i], and records the questions.
func stepping(asked *[]string, most ...int) Until {
	return func(scored [][]score.Window) []Demand {
		d := make([]Demand, len(scored))
		for i, s := range scored {
			d[i] = Demand{Now: min(len(s)+2, most[i]), Likely: most[i]}
		}
		text, err := json.Marshal(scored)
		if err != nil {
			panic(err)
		}
		*asked = append(*asked, string(text))
		return d
	}
}

// TestEvaluationEndsWhenItHasEnough: every candidate gets the first windows of the order that it asked for, the
// reference those of all, and neither an interruption nor the number of threads changes a question or a figure.
func TestEvaluationEndsWhenItHasEnough(t *testing.T) {
	m, err := Session{Events: Discard{}, Threads: 2}.Load(llama(t))
	if err != nil {
		t.Fatal(err)
	}
	defer m.Close()
	windows := make([][]int32, 9)
	for i := range windows {
		for k := range 32 {
			windows[i] = append(windows[i], int32(32*i+k))
		}
	}
	var events Events = Discard{}
	dir := t.TempDir()
	evaluate := func(ctx context.Context, threads int, dir string, most ...int) ([]score.Text, []string, error) {
		v := Evaluation{Session: Session{Events: events, Threads: threads}, Reference: m.Engine, Windows: windows,
			Order: eval.Order(windows, 1), Store: &steps.Store{Dir: dir},
			Bytes: []int{1, 2, 3, 4, 5, 6, 7, 8, 9}}
		for _, name := range []string{"source", "a", "b"}[:len(most)] {
			v.Candidates = append(v.Candidates, Candidate{Step: name, Key: name, Model: m.Engine.WithBF16Inputs()})
		}
		v.Candidates[0].Model = m.Engine
		if len(most) > 1 { // Until does not hear of it
			v.Candidates = append(v.Candidates, Candidate{Step: "c", Key: "c", Model: m.Engine.WithBF16Inputs(), Windows: 4})
		}
		var asked []string
		v.Until = stepping(&asked, most...)
		results, err := v.Run(ctx)
		return results, asked, err
	}
	want, questions, err := evaluate(t.Context(), 2, dir, 0, 3, 6)
	if err != nil {
		t.Fatal(err)
	}
	for i, n := range []int{6, 3, 6, 4} {
		taken := slices.Sorted(slices.Values(eval.Order(windows, 1)[:n]))
		if !slices.Equal(want[i].Windows, taken) || len(want[i].WindowKLD) != n {
			t.Errorf("candidate %d has the windows %v, want %v", i, want[i].Windows, taken)
		}
	}
	for stop := int64(1); stop < 12; stop += 3 {
		dir := t.TempDir()
		ctx, cancel := context.WithCancel(t.Context())
		events = &recorder{set: func(done int64) {
			if done >= stop {
				cancel()
			}
		}}
		if _, _, err := evaluate(ctx, 1, dir, 0, 3, 6); !errors.Is(err, context.Canceled) {
			t.Fatalf("stopped after %d: %v", stop, err)
		}
		events = Discard{}
		got, asked, err := evaluate(t.Context(), 1, dir, 0, 3, 6)
		if err != nil || !reflect.DeepEqual(got, want) || !slices.Equal(asked, questions) {
			t.Errorf("resumed after %d, it differs: %v, %d questions", stop, err, len(asked))
		}
	}
	// What was scored before serves a longer evaluation, and does not lengthen a shorter one.
	before, _, err := evaluate(t.Context(), 2, dir, 0, 9, 9)
	if err != nil || before[1].Windows != nil || len(before[1].WindowKLD) != 9 {
		t.Errorf("all windows: %v, %v", before[1].Windows, err)
	}
	if again, _, err := evaluate(t.Context(), 2, dir, 0, 3, 6); err != nil || !reflect.DeepEqual(again, want) {
		t.Errorf("after a longer evaluation it differs: %v", err)
	}
	if alone, _, err := evaluate(t.Context(), 2, t.TempDir(), 4); err != nil || len(alone[0].WindowNLL) != 4 {
		t.Errorf("alone: %+v, %v", alone, err)
	}
}

// TestModelsAreMadeWhenMissing: a model is made for windows that are missing, and not for those that are there.
func TestModelsAreMadeWhenMissing(t *testing.T) {
	m, err := Session{Events: Discard{}, Threads: 2}.Load(llama(t))
	if err != nil {
		t.Fatal(err)
	}
	defer m.Close()
	store := &steps.Store{Dir: t.TempDir()}
	run := func(make func() (*infer.Model, error)) error {
		v := Evaluation{Session: Session{Events: Discard{}, Threads: 1}, Reference: m.Engine, Store: store,
			Windows:    [][]int32{{1, 2, 3, 4, 5, 6, 7, 8}, {8, 7, 6, 5, 4, 3, 2, 1}},
			Candidates: []Candidate{{Step: "source", Key: "source", Model: m.Engine}, {Step: "a", Key: "a", Make: make}}}
		_, err := v.Run(t.Context())
		return err
	}
	failed := errors.New("made")
	if err := run(func() (*infer.Model, error) { return nil, failed }); !errors.Is(err, failed) {
		t.Errorf("a model that cannot be made: %v", err)
	}
	made := 0
	for range 2 {
		if err := run(func() (*infer.Model, error) { made++; return m.Engine.WithBF16Inputs(), nil }); err != nil {
			t.Fatal(err)
		}
	}
	if made != 1 {
		t.Errorf("made %d times", made)
	}
}
