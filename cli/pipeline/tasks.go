package pipeline

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"

	"bitmill/cli/steps"
	"bitmill/eval/infer"
	"bitmill/eval/paired"
	"bitmill/eval/report"
	"bitmill/eval/task"
	"bitmill/formats/file"
)

// Task is a file of questions.
type Task struct {
	Name   string // of the file
	Items  []task.Item
	sha256 string
}

// TaskLevel is the confidence level of intervals of accuracy.
const TaskLevel = 0.95

// ReadTasks reads files of questions.
func ReadTasks(paths []string) ([]Task, error) {
	var out []Task
	seen := map[string]string{}
	for _, path := range paths {
		data, err := os.ReadFile(path)
		if err != nil {
			return nil, err
		}
		items, _, err := task.Read(bytes.NewReader(data))
		if err != nil {
			return nil, fmt.Errorf("%s: %w", path, err)
		}
		name := filepath.Base(path)
		if other, twice := seen[name]; twice {
			return nil, UsageError{fmt.Errorf("%s and %s have the same name, which stands for the task: rename one", other,
				path)}
		}
		seen[name] = path
		out = append(out, Task{name, items, hashBytes(data)})
	}
	return out, nil
}

// askedAtOnce is how many items are asked together. It does not depend on what is done, so that a resumed task gives
// exactly the same.
const askedAtOnce = 32

// Sheet keeps the answers of a model to a task.
type Sheet struct {
	Store     *steps.Store // nil: keep no journal
	Step, Key string       // of the journal; Key covers everything that the answers depend on
}

// answerLine is one answer of the journal.
type answerLine struct {
	Item    int          `json:"item"`
	Outcome task.Outcome `json:"outcome"`
}

// Ask asks a model what was not asked before. what names the step.
func (s Session) Ask(ctx context.Context, pool *infer.Pool, m *Model, t Task, what string,
	sheet Sheet) ([]task.Outcome, error) {
	if m.Tokenizer == nil {
		return nil, fmt.Errorf("%s cannot read text: %w", m.Path, m.TokenizerErr)
	}
	answers := make([]*task.Outcome, len(t.Items))
	var journal *file.Journal
	if sheet.Store != nil {
		var err error
		journal, err = sheet.Store.OpenJournal(sheet.Step, sheet.Key, func(line []byte) error {
			var l answerLine
			if err := json.Unmarshal(line, &l); err != nil {
				return err
			}
			if l.Item < 0 || l.Item >= len(answers) || l.Outcome.ID != t.Items[l.Item].ID {
				return fmt.Errorf("item %d of %d", l.Item, len(answers))
			}
			answers[l.Item] = &l.Outcome
			return nil
		})
		if err != nil {
			return nil, err
		}
		defer journal.Close()
	}
	if err := s.ask(ctx, pool, m, t, what, answers, journal); err != nil {
		return nil, fmt.Errorf("%s: %s: %w", m.Path, t.Name, err)
	}
	out := make([]task.Outcome, len(answers))
	for i, a := range answers {
		out[i] = *a
	}
	return out, nil
}

// ask fills in the missing answers.
func (s Session) ask(ctx context.Context, pool *infer.Pool, m *Model, t Task, what string, answers []*task.Outcome,
	journal *file.Journal) error {
	var step Step
	for from := 0; from < len(answers); from += askedAtOnce {
		to := min(from+askedAtOnce, len(answers))
		if complete(answers[from:to]) {
			continue
		}
		if step == nil {
			step = s.Events.Begin(what, "items")
		}
		outcomes, err := task.Score(ctx, pool, m.Engine, m.Tokenizer, t.Items[from:to], task.Options{
			Progress: func(done, _ int64) { step.Set(int64(from)+done, int64(len(answers))) }})
		if err != nil {
			return err
		}
		for i := range outcomes {
			if answers[from+i] != nil {
				continue
			}
			answers[from+i] = &outcomes[i]
			if journal == nil {
				continue
			}
			if err := journal.Append(answerLine{from + i, outcomes[i]}); err != nil {
				return err
			}
		}
	}
	if step != nil {
		step.Done()
	}
	return nil
}

func complete(answers []*task.Outcome) bool {
	for _, a := range answers {
		if a == nil {
			return false
		}
	}
	return true
}

// askTitle names the step of one model and task.
func askTitle(model, format string, t Task) string {
	return fmt.Sprintf("ask %s %s: %s", model, format, t.Name)
}

// ask asks source and artifacts the tasks, and counts the answers that flipped. The p-values are corrected together.
func (j *job) ask(ctx context.Context, in inputs, artifacts []*artifact, m *report.Model) error {
	pool := j.Pool()
	defer pool.Close()
	var p []float64
	var flips []*task.Flips
	for _, t := range j.texts.tasks {
		answers := func(step, title, sha256 string, model *Model, row *report.Row) ([]task.Outcome, error) {
			outcomes, err := j.Ask(ctx, pool, model, t, title, Sheet{&j.store, "tasks-" + step + "-" + t.Name,
				key("tasks", in.provenance.Source, sha256, t.sha256)})
			if err == nil {
				row.Tasks = append(row.Tasks, report.Answers{Summary: task.Summarize(t.Name, outcomes, TaskLevel)})
			}
			return outcomes, err
		}
		reference, err := answers("source", askTitle(j.name, "source", t), "", j.source, &m.Source)
		if err != nil {
			return err
		}
		for i, a := range artifacts {
			if a.model == nil || a.model.Engine == nil {
				continue // of a type that the engine cannot run
			}
			row := &m.Artifacts[i]
			own, err := answers(a.word(), askTitle(j.name, a.name(), t), a.sha256, a.model, row)
			if err != nil {
				return err
			}
			f, err := task.Compare(reference, own)
			if err != nil {
				return fmt.Errorf("%s: %w", row.Path, err)
			}
			row.Tasks[len(row.Tasks)-1].Flips = &f
			p, flips = append(p, f.P), append(flips, &f)
		}
	}
	for i, corrected := range paired.Holm(p) {
		flips[i].P = corrected
	}
	return nil
}
