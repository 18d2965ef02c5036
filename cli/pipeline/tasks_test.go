package pipeline

import (
	"bytes"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
)

// TestTasks: answers of source and artifacts stand in the report with the flips; an interrupted task goes on where it
// was, to the same answers, and a whole one is not asked again.
func TestTasks(t *testing.T) {
	o := options(t, llama(t))
	o.Tasks, o.NoNoiseFloor = []string{questions(t)}, true
	s, r := mustRun(t, o)
	m := &s.Report.Models[0]
	if len(m.Source.Tasks) != 1 || m.Source.Tasks[0].Items != 40 || m.Source.Tasks[0].Flips != nil {
		t.Fatalf("the source: %+v", m.Source.Tasks)
	}
	for _, a := range m.Artifacts {
		if len(a.Tasks) != 1 || a.Tasks[0].Flips == nil || !(a.Tasks[0].Flips.P > 0) {
			t.Errorf("%s: %+v", a.Format, a.Tasks)
		}
	}
	asked := func(r *recorder) (n int) {
		for _, what := range r.done {
			if strings.HasPrefix(what, "ask ") {
				n++
			}
		}
		return n
	}
	if asked(r) != 3 {
		t.Errorf("the first run did %q", r.done)
	}
	again, r := mustRun(t, o)
	if asked(r) != 0 || !reflect.DeepEqual(again.Report.Models[0].Source.Tasks, m.Source.Tasks) {
		t.Errorf("the second run did %q", r.done)
	}
	journal := filepath.Join(o.Out, "m", ".bitmill", "tasks-Q4_0-q.jsonl.jsonl")
	whole, err := os.ReadFile(journal)
	if err != nil {
		t.Fatal(err)
	}
	lines := bytes.SplitAfter(whole, []byte("\n"))
	if err := os.WriteFile(journal, bytes.Join(lines[:36], nil), 0o644); err != nil {
		t.Fatal(err)
	}
	again, r = mustRun(t, o)
	if asked(r) != 1 || !reflect.DeepEqual(again.Report.Models[0].Artifacts, s.Report.Models[0].Artifacts) {
		t.Errorf("after an interruption a run did %q", r.done)
	}
	if now, err := os.ReadFile(journal); err != nil || !bytes.Equal(now, whole) {
		t.Errorf("the journal differs: %v", err)
	}
	o.Tasks = append(o.Tasks, o.Tasks[0])
	if _, err := Run(t.Context(), o, nil); err == nil || !strings.Contains(err.Error(), "same name") {
		t.Errorf("one task twice: %v", err)
	}
}
