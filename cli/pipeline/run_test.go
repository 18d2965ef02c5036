package pipeline

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"testing"

	"bitmill/cli/steps"
	"bitmill/eval/bench"
	"bitmill/formats/checkpoint"
	"bitmill/formats/checkpoint/checkpointtest"
	"bitmill/formats/demo"
)

// options are those of a quick run of the model.
func options(t *testing.T, model string) Options {
	t.Helper()
	o := Options{Models: []string{model}, Out: t.TempDir(), Formats: []string{"Q8_0", "Q4_0"}, Context: 64, Windows: 2,
		Threads: 2}
	dir := t.TempDir()
	for name, text := range map[string]string{"calibration.txt": demo.Calibration, "evaluation.txt": demo.Evaluation} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text[:6000]), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	o.Calibration, o.Text = filepath.Join(dir, "calibration.txt"), filepath.Join(dir, "evaluation.txt")
	return o
}

// llama is a folder "m" with a model of two layers.
func llama(t *testing.T) string {
	t.Helper()
	dir := filepath.Join(t.TempDir(), "m")
	if err := os.Rename(checkpointtest.Load(t, "llama").FolderWithTokenizer(t), dir); err != nil {
		t.Fatal(err)
	}
	return dir
}

// mustRun runs and returns what was heard.
func mustRun(t *testing.T, o Options) (Summary, *recorder) {
	t.Helper()
	r := new(recorder)
	s, err := Run(t.Context(), o, r)
	if err != nil {
		t.Fatal(err)
	}
	return s, r
}

// colophonLine says when and how long a report was made.
var colophonLine = regexp.MustCompile(`(?m)^.*, \d\d:\d\d UTC.*$`)

// outputs reads all that a run left but for the records of steps.
func outputs(t *testing.T, dir string) map[string]string {
	t.Helper()
	files := map[string]string{}
	for _, pattern := range []string{"*.*", "m/*.gguf"} {
		found, err := filepath.Glob(filepath.Join(dir, pattern))
		if err != nil {
			t.Fatal(err)
		}
		for _, f := range found {
			if st, err := os.Stat(f); err != nil || st.IsDir() {
				continue
			}
			data, err := os.ReadFile(f)
			if err != nil {
				t.Fatal(err)
			}
			files[strings.TrimPrefix(f, dir)] = colophonLine.ReplaceAllString(string(data), "")
		}
	}
	return files
}

// smallBench makes benchmarks short while the test lasts.
func smallBench(t *testing.T) {
	old := benchTests
	benchTests = bench.Options{Tests: bench.Grid([]int{8}, []int{2}, []int{0}), Repetitions: 1}
	t.Cleanup(func() { benchTests = old })
}

var phases = []string{"calibrate m", "quantize m", "errors m", "evaluate m"}

// TestSecondRunDoesWhatIsMissing: after a whole run, another does the steps whose inputs or outputs have changed, and
// no other, and leaves the same files where the inputs are the same.
func TestSecondRunDoesWhatIsMissing(t *testing.T) {
	smallBench(t)
	first := options(t, llama(t))
	if _, r := mustRun(t, first); !slices.Equal(r.done, phases) {
		t.Fatalf("the first run did %q", r.done)
	}
	remove := func(names ...string) func(*testing.T, *Options) {
		return func(t *testing.T, o *Options) {
			for _, n := range names {
				if err := os.Remove(filepath.Join(o.Out, "m", n)); err != nil {
					t.Fatal(err)
				}
			}
		}
	}
	for _, tt := range []struct {
		name   string
		change func(*testing.T, *Options)
		want   []string
		other  bool // the outputs differ
	}{
		{name: "nothing", change: func(*testing.T, *Options) {}},
		{name: "report gone", change: remove("../report.json")},
		{name: "imatrix gone", change: remove("imatrix.gguf"), want: phases[:1]},
		{name: "artifact gone", change: remove("m-Q4_0.gguf"), want: phases[1:2]},
		{name: "artifact damaged", change: func(t *testing.T, o *Options) {
			path := filepath.Join(o.Out, "m", "m-Q8_0.gguf")
			data, err := os.ReadFile(path)
			if err != nil {
				t.Fatal(err)
			}
			data[len(data)-9] ^= 1
			if err := os.WriteFile(path, data, 0o644); err != nil {
				t.Fatal(err)
			}
		}, want: phases[1:2]},
		{name: "record without a file", change: func(t *testing.T, o *Options) {
			for _, step := range []string{"calibrate", "quantize-Q8_0"} {
				path := filepath.Join(o.Out, "m", ".bitmill", step+".json")
				var r steps.Record
				data, err := os.ReadFile(path)
				if err == nil {
					err = json.Unmarshal(data, &r)
				}
				if err == nil {
					err = steps.Store{Dir: filepath.Join(o.Out, "m")}.Save(step, r.Key, nil, r.Data)
				}
				if err != nil {
					t.Fatal(err)
				}
			}
		}, want: phases[:2]},
		{name: "errors not recorded", change: remove(".bitmill/errors-Q8_0.json"), want: phases[2:3]},
		{name: "journal of an artifact gone", change: remove(".bitmill/evaluate-Q8_0.jsonl"), want: phases[3:4]},
		{name: "journals of the source gone", change: remove(".bitmill/evaluate-source.jsonl", ".bitmill/noise.jsonl"),
			want: phases[3:]},
		{name: "one more format", change: func(t *testing.T, o *Options) { o.Formats = append(o.Formats, "Q5_0") },
			want: phases[1:4], other: true},
		{name: "no imatrix", change: func(t *testing.T, o *Options) { o.NoImatrix = true }, want: phases[1:4],
			other: true},
		{name: "other windows", change: func(t *testing.T, o *Options) { o.Windows = 1 }, want: phases[:4],
			other: true},
		{name: "bench", change: func(t *testing.T, o *Options) { o.Bench = true },
			want: []string{"load m", "load m-Q8_0.gguf", "load m-Q4_0.gguf", "bench m"}, other: true},
	} {
		t.Run(tt.name, func(t *testing.T) {
			o := first
			o.Out, o.Formats = t.TempDir(), slices.Clone(first.Formats)
			if err := os.CopyFS(o.Out, os.DirFS(first.Out)); err != nil {
				t.Fatal(err)
			}
			before := outputs(t, o.Out)
			tt.change(t, &o)
			if _, r := mustRun(t, o); !slices.Equal(r.done, tt.want) {
				t.Errorf("the second run did %q, want %q", r.done, tt.want)
			}
			if !tt.other && !reflect.DeepEqual(outputs(t, o.Out), before) {
				t.Error("the outputs changed")
			}
			if _, r := mustRun(t, o); r.done != nil {
				t.Errorf("the third run did %q", r.done)
			}
		})
	}
}

// TestResumeAfterEveryPhase: a run that is cancelled after a phase fails, and the next does the phases behind it.
func TestResumeAfterEveryPhase(t *testing.T) {
	model := llama(t)
	whole := options(t, model)
	mustRun(t, whole)
	for i, last := range phases[:len(phases)-1] {
		t.Run(last, func(t *testing.T) {
			o := whole
			o.Out = t.TempDir()
			ctx, cancel := context.WithCancel(t.Context())
			r := &recorder{end: func(what string) {
				if what == last {
					cancel()
				}
			}}
			s, err := Run(ctx, o, r)
			if !errors.Is(err, context.Canceled) || s.Path != "" || len(r.results) != 0 ||
				!slices.Equal(r.done, phases[:i+1]) {
				t.Fatalf("cancelled: %v, %q, did %q", err, s.Path, r.done)
			}
			if _, r := mustRun(t, o); !slices.Equal(r.done, phases[i+1:]) {
				t.Errorf("resumed: did %q, want %q", r.done, phases[i+1:])
			}
			if !reflect.DeepEqual(outputs(t, o.Out), outputs(t, whole.Out)) {
				t.Error("the outputs are not those of a run left alone")
			}
		})
	}
}

// TestSourceIsLoadedOnlyToRun: calibrating and evaluating load the source, quantizing and comparing tensors do not, and
// nothing stays loaded or open.
func TestSourceIsLoadedOnlyToRun(t *testing.T) {
	smallBench(t)
	o := options(t, llama(t)).withDefaults()
	o.Bench = true
	r := new(recorder)
	o.Threads = 2
	p, err := prepare(t.Context(), &o, r, o.Models)
	if err != nil {
		t.Fatal(err)
	}
	defer p.close()
	j := p.jobs[0]
	if err := p.makeRoom(r); err != nil {
		t.Fatal(err)
	}
	loaded := map[string]bool{}
	r.begin = func(what string) { loaded[what] = j.source.Engine != nil }
	if _, err := j.run(t.Context()); err != nil {
		t.Fatal(err)
	}
	want := map[string]bool{"read m": false, "calibrate m": true, "quantize m": false, "errors m": false,
		"evaluate m": true, "load m": true, "load m-Q8_0.gguf": true, "load m-Q4_0.gguf": true, "bench m": true}
	if !reflect.DeepEqual(loaded, want) {
		t.Errorf("loaded: %v, want %v", loaded, want)
	}
	if j.source.Engine != nil {
		t.Error("the source stays loaded")
	}
}

func TestBlockedFormats(t *testing.T) {
	model := llama(t)
	for _, tt := range []struct {
		name    string
		formats []string
		all     bool
		made    int // artifacts; 0: the run fails
		want    string
	}{
		{"one", []string{"Q8_0", "IQ2_XS"}, false, 0, "m: IQ2_XS: "},
		{"two", []string{"IQ2_XS", "Q8_0", "IQ1_S"}, false, 0, "; IQ1_S cannot be made either"},
		{"of all", []string{"IQ2_XS", "Q8_0", "IQ1_S"}, true, 1,
			"m: 2 formats cannot be made and are left out: IQ2_XS, IQ1_S"},
		{"all of all", []string{"IQ2_XS", "IQ1_S"}, true, 0, "; IQ1_S cannot be made either"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			o := options(t, model)
			o.Formats, o.All, o.NoImatrix = tt.formats, tt.all, true
			r := new(recorder)
			s, err := Run(t.Context(), o, r)
			switch {
			case tt.made == 0:
				if err == nil || !strings.Contains(err.Error(), tt.want) {
					t.Errorf("%v, want %q", err, tt.want)
				}
				if left, _ := os.ReadDir(o.Out); len(left) > 0 {
					t.Errorf("it left %v", left)
				}
			case err != nil || len(s.Report.Models[0].Artifacts) != tt.made:
				t.Errorf("%v: %+v", err, s.Report)
			case !r.warned(tt.want) || !slices.ContainsFunc(s.Report.Models[0].Warnings,
				func(w string) bool { return strings.Contains(w, tt.want) }):
				t.Errorf("warnings %q", r.warnings)
			}
		})
	}
}

// TestWarnings: what does not stop a run is heard and stands in the report; --strict makes of some of it an error.
func TestWarnings(t *testing.T) {
	model := llama(t)
	for _, tt := range []struct {
		name   string
		change func(t *testing.T, o *Options)
		want   string
		strict string // the error with Strict; "": none
	}{
		{"texts overlap", func(t *testing.T, o *Options) { o.Calibration = o.Text },
			"also stands in the calibration text", "(--strict)"},
		{"no text", func(t *testing.T, o *Options) { o.Text = "" }, NoText, ""},
		{"not text", func(t *testing.T, o *Options) {
			data, err := os.ReadFile(o.Text)
			if err == nil {
				err = os.WriteFile(o.Text, append(data, 0), 0o644)
			}
			if err != nil {
				t.Fatal(err)
			}
		}, "evaluation.txt is not plain text", ""},
		{"no vocabulary", func(t *testing.T, o *Options) {
			o.Models = []string{checkpointtest.Load(t, "llama").Folder(t)}
			o.Source.NoVocabulary = true
		}, "is quantized without calibration and not evaluated", ""},
		{"long windows", func(t *testing.T, o *Options) { o.Context, o.Windows = 600, 1 },
			"windows of 600 tokens are longer", ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			o := options(t, model)
			o.Formats = []string{"Q8_0"}
			tt.change(t, &o)
			s, r := mustRun(t, o)
			kept := append(s.Report.Warnings, s.Report.Models[0].Warnings...)
			if !r.warned(tt.want) || !strings.Contains(strings.Join(kept, "\n"), tt.want) {
				t.Errorf("heard %q, kept %q", r.warnings, kept)
			}
			o.Out, o.Strict = t.TempDir(), true
			if _, err := Run(t.Context(), o, nil); tt.strict != "" &&
				(err == nil || !strings.Contains(err.Error(), tt.strict)) {
				t.Errorf("strict: %v", err)
			}
		})
	}
}

func TestMistakesInTheOptions(t *testing.T) {
	model := llama(t)
	for name, change := range map[string]func(*Options){
		"an adapter for two models":      func(o *Options) { o.Models, o.Source.Adapter = []string{model, model}, "a" },
		"two models of one name":         func(o *Options) { o.Models = []string{model, model + "/../m"} },
		"a model without a name":         func(o *Options) { o.Models = []string{""} },
		"no text in a slim binary":       func(o *Options) { o.Text = "" },
		"an adapter without its folder":  func(o *Options) { o.Source = checkpoint.OpenOptions{Adapter: "nowhere"} },
		"rules that are not there":       func(o *Options) { o.Budget = "nowhere.yaml" },
		"a text that is not there":       func(o *Options) { o.Text = "nowhere.txt" },
		"a text that is a folder":        func(o *Options) { o.Text = model },
		"a text of less than one window": func(o *Options) { o.Context = 1 << 20 },
	} {
		o := options(t, model)
		change(&o)
		_, err := Run(t.Context(), o, nil)
		usage := errors.As(err, new(UsageError))
		switch {
		case name == "no text in a slim binary" && demo.Evaluation != "":
		case err == nil, usage != slices.Contains([]string{"an adapter for two models", "two models of one name",
			"a model without a name", "no text in a slim binary"}, name):
			t.Errorf("%s: %v, a mistake of usage: %v", name, err, usage)
		default:
			if left, _ := os.ReadDir(o.Out); len(left) > 0 {
				t.Errorf("%s: it left %v", name, left)
			}
		}
	}
}

// TestSummary: the summary is the report on the disk and, with a budget, the check of it.
func TestSummary(t *testing.T) {
	o := options(t, llama(t))
	o.Formats, o.NoImatrix = []string{"Q8_0"}, true
	o.Budget = filepath.Join(t.TempDir(), "budget.yaml")
	if err := os.WriteFile(o.Budget, []byte("rules: [{metric: bpw, max: 2}]"), 0o644); err != nil {
		t.Fatal(err)
	}
	s, r := mustRun(t, o)
	data, err := os.ReadFile(s.Path)
	if err != nil || s.Path != filepath.Join(o.Out, "report.json") ||
		!bytes.Contains(data, []byte(s.Report.Models[0].SourceHash)) {
		t.Errorf("%s: %v", s.Path, err)
	}
	if s.Check == nil || len(s.Check.Findings) == 0 || !s.Check.Findings[0].Failed() {
		t.Errorf("check: %+v", s.Check)
	}
	if len(r.results) != 1 || !reflect.DeepEqual(r.results[0], s) {
		t.Errorf("results: %+v", r.results)
	}
}

// TestOneRunAtATime: a folder that a run works in is closed to others.
func TestOneRunAtATime(t *testing.T) {
	o := options(t, llama(t))
	inner := errors.New("not tried")
	r := &recorder{begin: func(what string) {
		if strings.HasPrefix(what, "quantize") {
			_, inner = Run(t.Context(), o, nil)
		}
	}}
	if _, err := Run(t.Context(), o, r); err != nil {
		t.Fatal(err)
	}
	if inner == nil || !strings.Contains(inner.Error(), "another bitmill run") {
		t.Errorf("a second run at the same time: %v", inner)
	}
}

// TestBenchMeasuresTheSourceOfTheRun: a source that is quantized already, or that takes an adapter, is benched as
// it was opened for the run.
func TestBenchMeasuresTheSourceOfTheRun(t *testing.T) {
	smallBench(t)
	dir := t.TempDir()
	for _, kind := range []string{"fp8", "lora"} {
		checkpointtest.Load(t, "llama").Packed(t, dir, kind)
		o := options(t, filepath.Join(dir, kind))
		o.Formats, o.NoImatrix, o.Bench = []string{"Q8_0"}, true, true
		o.Source.AllowRequantize, o.Recipe.AllowRequantize = kind == "fp8", kind == "fp8"
		if kind == "lora" {
			o.Source.Adapter = filepath.Join(dir, "lora.lora")
		}
		s, r := mustRun(t, o)
		m := s.Report.Models[0]
		if m.Source.Resources == nil || m.Artifacts[0].Resources == nil || m.Artifacts[0].KLD > 0.05 {
			t.Errorf("%s: source %+v, artifact %+v, KLD %g; heard %q", kind, m.Source.Resources,
				m.Artifacts[0].Resources, m.Artifacts[0].KLD, r.warnings)
		}
	}
}
