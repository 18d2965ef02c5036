package pipeline

import (
	"fmt"
	"math"
	"path/filepath"
	"time"

	"bitmill/formats"
)

// Forecast is what a run will do, as far as can be told before it begins.
type Forecast struct {
	Models  int            `json:"models"`
	Files   []ForecastFile `json:"files"`
	Bytes   int64          `json:"bytes"`   // that the disk needs for the files, less what is there
	Windows int            `json:"windows"` // of the evaluation text, of the model that has most
	Context int            `json:"context"` // tokens of a window
	Steps   []ForecastStep `json:"steps"`   // in the order of the run
	Seconds float64        `json:"seconds"` // of the steps that are left, from a short measurement of this machine
	Memory  int64          `json:"memory"`  // that method feedback or tuned takes at most; 0 without them
	Scratch int64          `json:"scratch"` // of it in a file, while it runs, as memory does not suffice
}

// ForecastFile is a file that a run will leave.
type ForecastFile struct {
	Path   string `json:"path"`
	Model  string `json:"model"`
	Format string `json:"format"`
	Bytes  int64  `json:"bytes"`
}

// ForecastStep is one step, under the name that Events.Begin will give it.
type ForecastStep struct {
	What    string  `json:"what"`
	Unit    string  `json:"unit"`
	Total   int64   `json:"total"` // of its progress
	Seconds float64 `json:"seconds"`
	Kept    bool    `json:"kept,omitempty"` // done by an earlier run
}

// add adds a step.
func (f *Forecast) add(what, unit string, total int64, seconds float64) {
	f.Steps = append(f.Steps, ForecastStep{What: what, Unit: unit, Total: total, Seconds: seconds})
	f.Seconds += seconds
}

// String is the forecast in a sentence.
func (f *Forecast) String() string {
	sum := int64(0)
	for _, x := range f.Files {
		sum += x.Bytes
	}
	text := fmt.Sprintf("%s, %s of %s, ", formats.Several(f.Models, "model"), formats.Several(len(f.Files), "file"),
		formats.Size(sum))
	if f.Windows > 0 {
		text += fmt.Sprintf("%s of %d tokens, ", formats.Several(f.Windows, "window"), f.Context)
	}
	text += formats.Several(len(f.Steps), "step")
	if left := f.left(); left < len(f.Steps) {
		text = fmt.Sprintf("%s, %d of them left", text, left)
	}
	text += fmt.Sprintf(": about %s on this machine", About(f.Duration()))
	if f.Memory > 0 {
		text += fmt.Sprintf(", up to %s of memory for the method", formats.Size(f.Memory))
	}
	if f.Scratch > 0 {
		text += fmt.Sprintf(" and %s of temporary files", formats.Size(f.Scratch))
	}
	return text
}

// left is how many steps are not kept.
func (f *Forecast) left() (n int) {
	for _, s := range f.Steps {
		if !s.Kept {
			n++
		}
	}
	return n
}

// Duration is Seconds.
func (f *Forecast) Duration() time.Duration {
	return time.Duration(min(f.Seconds*float64(time.Second), math.MaxInt64/2))
}

// About is a duration in words, as exact as a forecast is: 45 s, 12 min, 3 h 20 min.
func About(d time.Duration) string {
	switch {
	case d < time.Second:
		return "1 s"
	case d < 90*time.Second:
		return fmt.Sprintf("%.0f s", d.Seconds())
	case d < 90*time.Minute:
		return fmt.Sprintf("%.0f min", d.Minutes())
	case d < 10*time.Hour:
		d = d.Round(10 * time.Minute)
		return fmt.Sprintf("%d h %02d min", int(d.Hours()), int(d.Minutes())%60)
	}
	return fmt.Sprintf("%.0f h", d.Hours())
}

// forecast tells what the jobs will do.
func (p *prepared) forecast() (*Forecast, error) {
	f := &Forecast{Models: len(p.jobs), Files: []ForecastFile{}, Bytes: p.need(), Context: p.o.Context,
		Steps: []ForecastStep{}}
	var all []*rates
	for _, j := range p.jobs {
		for _, a := range j.planned {
			f.Files = append(f.Files, ForecastFile{filepath.ToSlash(j.path(j.artifactName(a.variant))), j.name, a.name(),
				a.FileBytes})
		}
		f.Windows = max(f.Windows, len(j.windows))
		r, err := j.measureRates()
		if err != nil {
			return nil, err
		}
		j.forecast(f, r)
		all = append(all, r)
	}
	p.forecastSearches(f, all)
	p.progress.mark(f)
	return f, nil
}
