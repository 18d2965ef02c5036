package cli

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path"
	"path/filepath"
	"time"

	"bitmill/cli/pipeline"
	"bitmill/formats"
	"bitmill/formats/file"
)

// job is one run of a batch; its options are read before the first one starts.
type job struct {
	Name     string   `json:"name"`
	Args     []string `json:"args"` // of bitmill, to run the job by hand
	Status   string   `json:"status"`
	Started  string   `json:"started,omitempty"` // RFC 3339
	Finished string   `json:"finished,omitempty"`
	Seconds  float64  `json:"seconds,omitempty"`
	Error    string   `json:"error,omitempty"`
	Report   string   `json:"report,omitempty"`
	Log      string   `json:"log,omitempty"`

	options pipeline.Options
}

// Values of job.Status.
const (
	notStarted     = "not started"
	formatsBlocked = "formats blocked"
	running        = "running"
	done           = "done"
	gateNotMet     = "gate not met"
	failed         = "failed"
	interrupted    = "interrupted"
)

// logName is the file in a job's folder that gets its messages.
const logName = "job.log"

// took is the duration in words; "" for a job that has not ended.
func (j *job) took() string {
	if j.Finished == "" {
		return ""
	}
	return time.Duration(j.Seconds * float64(time.Second)).Round(10 * time.Millisecond).String()
}

// run runs the job into its folder and records its outcome.
func (j *job) run(ctx context.Context, e env) error {
	start := time.Now()
	j.Status, j.Started = running, start.Format(time.RFC3339)
	err := file.Guard(func() error { return j.runLogged(ctx, e) })
	j.Seconds, j.Finished = time.Since(start).Seconds(), time.Now().Format(time.RFC3339)
	j.Status = done
	switch {
	case err == nil:
	case ctx.Err() != nil:
		j.Status = interrupted
	case errors.Is(err, errBlocked):
		j.Status = formatsBlocked
	case errors.As(err, new(incompleteError)):
		j.Status = gateNotMet
	default:
		j.Status = failed
	}
	if err != nil && j.Status != interrupted {
		j.Error = err.Error()
	}
	return err
}

// runLogged runs the job and appends what it says to its log.
func (j *job) runLogged(ctx context.Context, e env) error {
	if err := os.MkdirAll(j.options.Out, 0o755); err != nil {
		return err
	}
	log, err := file.OpenOwn(filepath.Join(j.options.Out, logName), os.O_APPEND|os.O_WRONLY)
	if err != nil {
		return err
	}
	defer log.Close()
	j.Log = path.Join(j.Name, logName)
	w := &stamped{w: log}
	fmt.Fprintln(w, formats.ShellWords(append([]string{"bitmill"}, j.Args...)...))
	events := both{{stdout: e.stderr, stderr: e.terminal.stderr, quiet: e.quiet}, {stdout: w, stderr: w}}
	defer events.stop()
	summary, err := runPipeline(ctx, j.options, events)
	if err != nil {
		fmt.Fprintf(w, "bitmill: %s\n", printable(err.Error()))
	} else {
		fmt.Fprintln(w, "done")
	}
	if summary.Path != "" {
		j.Report = path.Join(j.Name, filepath.Base(summary.Path))
	}
	return err
}

// stamped puts the time before every line.
type stamped struct {
	w      io.Writer
	within bool // the line has begun
}

func (s *stamped) Write(b []byte) (int, error) {
	var text bytes.Buffer
	for line := range bytes.Lines(b) {
		if !s.within {
			text.WriteString(time.Now().Format(time.RFC3339) + " ")
		}
		text.Write(line)
		s.within = line[len(line)-1] != '\n'
	}
	_, err := s.w.Write(text.Bytes())
	return len(b), err
}

// both tells two terminals everything.
type both [2]*terminal

func (b both) stop() {
	for _, t := range b {
		t.stop()
	}
}

func (b both) Forecast(f *pipeline.Forecast) {
	for _, t := range b {
		t.Forecast(f)
	}
}

func (b both) Begin(what, unit string) pipeline.Step {
	return bothSteps{b[0].Begin(what, unit), b[1].Begin(what, unit)}
}

func (b both) Warn(text string) {
	for _, t := range b {
		t.Warn(text)
	}
}

func (b both) Note(text string) {
	for _, t := range b {
		t.Note(text)
	}
}

func (b both) Result(s pipeline.Summary) error { return errors.Join(b[0].Result(s), b[1].Result(s)) }

type bothSteps [2]pipeline.Step

func (b bothSteps) Set(done, total int64) {
	for _, s := range b {
		s.Set(done, total)
	}
}

func (b bothSteps) Part(units float64) {
	for _, s := range b {
		s.Part(units)
	}
}

func (b bothSteps) Done() {
	for _, s := range b {
		s.Done()
	}
}
