package cli

import (
	"context"
	"fmt"
	"os"
	"slices"
	"text/tabwriter"

	"bitmill/cli/pipeline"
	"bitmill/eval/paired"
	"bitmill/eval/task"
)

// taskRow is one model on one task.
type taskRow struct {
	Path string `json:"path"`
	task.Summary
	Flips    *task.Flips    `json:"flips,omitempty"`               // against the reference
	Before   *task.Flips    `json:"flips_from_previous,omitempty"` // against the model named before it
	Outcomes []task.Outcome `json:"outcomes"`
}

// evalTasks asks every model every task. With a reference, its row comes first, once, and the others are compared with it,
// and each with the one named before it; the p-values are corrected together (Holm).
func evalTasks(ctx context.Context, e env, paths []string, reference string, tasks []pipeline.Task) ([]taskRow, error) {
	if reference != "" {
		others := slices.DeleteFunc(slices.Clone(paths), func(path string) bool { return sameModel(path, reference) })
		paths = append([]string{reference}, others...)
	}
	var rows []taskRow
	for _, path := range paths {
		own, err := e.askModel(ctx, path, tasks)
		if err != nil {
			return nil, err
		}
		rows = append(rows, own...)
	}
	var all []*task.Flips
	compare := func(with, row int) (*task.Flips, error) {
		f, err := task.Compare(rows[with].Outcomes, rows[row].Outcomes)
		all = append(all, &f)
		return &f, err
	}
	for i := len(tasks); i < len(rows); i++ {
		var err error
		if reference != "" {
			if rows[i].Flips, err = compare(i%len(tasks), i); err != nil {
				return nil, err
			}
		}
		if reference == "" || i >= 2*len(tasks) {
			if rows[i].Before, err = compare(i-len(tasks), i); err != nil {
				return nil, err
			}
		}
	}
	var p []float64
	for _, f := range all {
		p = append(p, f.P)
	}
	for i, corrected := range paired.Holm(p) {
		all[i].P = corrected
	}
	return rows, nil
}

// sameModel reports whether two paths name one file or folder.
func sameModel(a, b string) bool {
	x, err := os.Stat(a)
	y, other := os.Stat(b)
	return err == nil && other == nil && os.SameFile(x, y)
}

// askModel asks one model every task.
func (e env) askModel(ctx context.Context, path string, tasks []pipeline.Task) ([]taskRow, error) {
	s, err := e.adapterOnlyForFolders(path).Load(path)
	if err != nil {
		return nil, err
	}
	defer s.Close()
	e.warn(s.Warnings...)
	pool := e.Pool()
	defer pool.Close()
	var rows []taskRow
	for _, t := range tasks {
		outcomes, err := e.Ask(ctx, pool, s, t, fmt.Sprintf("%s: %s", pipeline.ModelName(path), t.Name), pipeline.Sheet{})
		if err != nil {
			return nil, err
		}
		rows = append(rows, taskRow{Path: path, Summary: task.Summarize(t.Name, outcomes, pipeline.TaskLevel),
			Outcomes: outcomes})
	}
	return rows, nil
}

func printTasks(e env, rows []taskRow) error {
	w := tabwriter.NewWriter(e.stdout, 0, 0, 2, ' ', tabwriter.AlignRight)
	fmt.Fprint(w, "model\ttask\titems\tacc\tacc_norm\t95 %\tagainst\tlost\tgained\tchanged\tp\t\n")
	flips := func(against string, f *task.Flips) {
		fmt.Fprintf(w, "%s\t%d\t%d\t%.2f %%\t%.2g\t\n", against, f.Lost, f.Gained, 100*f.Share, f.P)
	}
	for _, r := range rows {
		fmt.Fprintf(w, "%s\t%s\t%d\t%.2f %%\t%.2f %%\t%.2f to %.2f\t", pipeline.ModelName(r.Path), r.Task, r.Items,
			100*r.Acc.Share, 100*r.Norm.Share, 100*r.Norm.Low, 100*r.Norm.High)
		switch {
		case r.Flips != nil:
			flips("reference", r.Flips)
		case r.Before != nil:
			flips("previous", r.Before)
		default:
			fmt.Fprintln(w, "\t\t\t\t\t")
		}
		if r.Flips != nil && r.Before != nil {
			fmt.Fprint(w, "\t\t\t\t\t\t")
			flips("previous", r.Before)
		}
	}
	return w.Flush()
}
