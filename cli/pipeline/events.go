package pipeline

// Events is told what happens during the work: progress, warnings, results. Warn and Set may be called from several
// goroutines, but never two at a time.
type Events interface {
	// Forecast tells at the start of Run what it will do.
	Forecast(f *Forecast)
	// Begin starts a step that takes long: what names it, unit is what its progress counts.
	Begin(what, unit string) Step
	// Warn reports something that does not stop the work.
	Warn(text string)
	// Note reports something that only a person watching would care about.
	Note(text string)
	// Result is called at the end of Run, after the report has been written; its error becomes that of Run.
	Result(s Summary) error
}

// Step is one step of the work.
type Step interface {
	// Set reports done of total.
	Set(done, total int64)
	// Part reports that of what is not done yet, so many units are under way; a fraction of one counts.
	Part(units float64)
	// Done ends the step; a step that fails ends without it.
	Done()
}

// Discard ignores all events.
type Discard struct{}

func (Discard) Forecast(f *Forecast)         {}
func (Discard) Begin(what, unit string) Step { return Discard{} }
func (Discard) Warn(text string)             {}
func (Discard) Note(text string)             {}
func (Discard) Result(s Summary) error       { return nil }
func (Discard) Set(done, total int64)        {}
func (Discard) Part(units float64)           {}
func (Discard) Done()                        {}
