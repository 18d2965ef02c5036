package pipeline

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"bitmill/cli/steps"
	"bitmill/eval/infer"
	"bitmill/formats/checkpoint"
	"bitmill/formats/checkpoint/checkpointtest"
	"bitmill/formats/file"
	"bitmill/quantize"
	"bitmill/quantize/feedback"
	"bitmill/quantize/tune"
)

// Memory that is free or allowed is what method feedback takes; where it does not suffice, the error says for what.
func TestFeedbackRoom(t *testing.T) {
	defer func(f func() (int64, bool)) { availableMemory = f }(availableMemory)
	c, err := checkpoint.Open(checkpointtest.Load(t, "llama").Folder(t))
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	windows := make([][]int32, 20)
	for i := range windows {
		windows[i] = make([]int32, 512)
	}
	all := feedback.RoomFor(c, 20*512, 512, 0, 3, 0).Memory
	least := feedback.RoomFor(c, 20*512, 512, 0, 3, 1).Memory
	for _, test := range []struct {
		free, limit int64
		memory      int64
		says        string
	}{
		{2 * all, 0, all, ""}, {2 * all, all, all, ""}, {0, all, all, ""}, {2 * all, least, least, ""},
		{2 * all, 1 << 20, 0, "MiB at least for "}, {2 * all, 1 << 20, 0, "1 MiB are what --max-memory allows; --method reference"},
		{8 << 20, all, 0, "7 MiB are free; "},
	} {
		availableMemory = func() (int64, bool) { return test.free, test.free > 0 }
		r, err := feedbackRoom(c, windows, quantize.Fit{}, 3, test.limit)
		if err == nil && r.Memory != test.memory || (err != nil) != (test.says != "") {
			t.Errorf("%d bytes, up to %d: %+v, %v", test.free, test.limit, r, err)
		}
		if err != nil && (!errors.Is(err, infer.ErrMemory) || !strings.Contains(err.Error(), test.says)) {
			t.Errorf("%d bytes, up to %d: %v", test.free, test.limit, err)
		}
	}
}

// fitted are the options of a run by method feedback on few tokens, in which one matrix of each layer has another type.
func fitted(t *testing.T, model, matrix string) Options {
	o := options(t, model)
	o.Formats, o.Recipe.Method, o.Recipe.TensorTypes = []string{"Q4_0"}, quantize.Feedback, []string{matrix + "=IQ4_NL"}
	return o
}

// What an interrupted run left for other types of the same sizes is not taken up.
func TestFeedbackOfOtherTypes(t *testing.T) {
	model := llama(t)
	o := fitted(t, model, "ffn_up")
	mustRun(t, o)
	want := outputs(t, o.Out)["/m/m-Q4_0.gguf"]
	for _, chosen := range []int64{0, 3} {
		o.Out, o.Recipe.TensorTypes = t.TempDir(), []string{"ffn_gate=IQ4_NL"}
		ctx, cancel := context.WithCancel(t.Context())
		stopper := &recorder{}
		stopper.set = func(done int64) {
			if stopper.steps[len(stopper.steps)-1].Unit == "matrices" && done >= chosen {
				cancel()
			}
		}
		if _, err := Run(ctx, o, stopper); !errors.Is(err, context.Canceled) {
			t.Fatal(err)
		}
		if _, err := os.Stat(filepath.Join(o.Out, "m", "m-Q4_0.reference")); err != nil {
			t.Fatal(err)
		}
		o.Recipe.TensorTypes = []string{"ffn_up=IQ4_NL"}
		mustRun(t, o)
		if got := outputs(t, o.Out)["/m/m-Q4_0.gguf"]; want == "" || got != want {
			t.Error("the file is another than that of an undisturbed run")
		}
	}
}

// What another process chooses from is left to it.
func TestFeedbackIsBusy(t *testing.T) {
	o := fitted(t, llama(t), "ffn_up")
	if err := os.Mkdir(filepath.Join(o.Out, "m"), 0o755); err != nil {
		t.Fatal(err)
	}
	s, err := feedback.OpenStore(filepath.Join(o.Out, "m", "m-Q4_0.feedback"), "another")
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	if _, err := Run(t.Context(), o, nil); !errors.Is(err, file.ErrBusy) || !strings.Contains(err.Error(), "m-Q4_0.gguf: another") {
		t.Errorf("%v", err)
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	if _, err := Run(t.Context(), o, nil); err != nil {
		t.Error(err)
	}
}

// The room that is asked for is what is not there yet.
func TestFeedbackSpace(t *testing.T) {
	dir := t.TempDir()
	a := &feedbackStart{Artifact: quantize.Artifact{Plan: &quantize.Plan{Parameters: 10}, Path: filepath.Join(dir, "x.gguf")}}
	a.Plan.FileBytes = 100
	a.path, a.chosen, _, a.scratch = feedbackFiles(a.Path)
	a.state = tunedFile(a.Path)
	expect := func(want int64) {
		t.Helper()
		if got := feedbackSpace([]*feedbackStart{a}, feedback.Room{File: 1000}); got != want {
			t.Errorf("%d bytes are needed, not %d", want, got)
		}
	}
	expect(1300)
	a.Plan.Options.Method = quantize.Tuned
	expect(1300 + tune.StateBytes(10, 100))
	a.Plan.Options.Method = quantize.Feedback
	for path, size := range map[string]int{a.scratch: 900, a.chosen: 30, a.path + ".part": 50, a.Path + ".part": 7} {
		if err := os.WriteFile(path, make([]byte, size), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	expect(100 + 70 + 50 + 93)
}

// A run that is done needs no room for what it took on the way; one that was interrupted, only for what is not there.
func TestNeed(t *testing.T) {
	j := &job{name: "m", method: quantize.Feedback, room: feedback.Room{File: 1000}, store: steps.Store{Dir: t.TempDir()}}
	for _, name := range []string{"Q4_0", "Q8_0"} {
		plan := &quantize.Plan{Parameters: 10}
		plan.FileBytes = 100
		j.planned = append(j.planned, planned{variant{format: name}, plan})
	}
	first := j.path(j.artifactName(j.planned[0].variant))
	write := func(path string, size int, want int64) {
		t.Helper()
		if err := os.WriteFile(path, make([]byte, size), 0o644); err != nil {
			t.Fatal(err)
		}
		if got := j.need(); got != want {
			t.Errorf("%d bytes are needed, not %d", got, want)
		}
	}
	encoded, chosen, _, scratch := feedbackFiles(first)
	write(filepath.Join(j.store.Dir, "other"), 5, 1600)
	write(encoded, 100, 1500)
	write(chosen, 30, 1470)
	write(scratch, 900, 570)
	write(first, 100, 1300)
	write(j.path(j.artifactName(j.planned[1].variant)), 100, 0)
}
