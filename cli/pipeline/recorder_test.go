package pipeline

import (
	"strings"
	"sync"
)

// recorder remembers what it hears.
type recorder struct {
	mu       sync.Mutex
	done     []string // steps that ended
	warnings []string
	notes    []string
	forecast *Forecast
	steps    []ForecastStep // as they were begun
	results  []Summary
	begin    func(what string) // called for every step; may be nil
	end      func(what string)
	set      func(done int64)
}

func (r *recorder) Forecast(f *Forecast) { r.forecast = f }

func (r *recorder) Begin(what, unit string) Step {
	if r.begin != nil {
		r.begin(what)
	}
	r.steps = append(r.steps, ForecastStep{What: what, Unit: unit})
	return &recordedStep{r, what, len(r.steps) - 1}
}

func (r *recorder) Warn(text string)       { r.add(&r.warnings, text) }
func (r *recorder) Note(text string)       { r.add(&r.notes, text) }
func (r *recorder) Result(s Summary) error { r.results = append(r.results, s); return nil }

func (r *recorder) add(list *[]string, text string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	*list = append(*list, text)
}

// warned reports whether some warning holds the words.
func (r *recorder) warned(words string) bool {
	return strings.Contains(strings.Join(r.warnings, "\n"), words)
}

type recordedStep struct {
	r    *recorder
	what string
	at   int // in steps
}

func (s *recordedStep) Part(units float64) {}

func (s *recordedStep) Set(done, total int64) {
	s.r.steps[s.at].Total = total
	if s.r.set != nil {
		s.r.set(done)
	}
}

func (s *recordedStep) Done() {
	s.r.add(&s.r.done, s.what)
	if s.r.end != nil {
		s.r.end(s.what)
	}
}
