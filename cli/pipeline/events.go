package pipeline

// Events hears what happens while models are worked on.
type Events interface {
	// Begin starts a step that takes long: what names it, unit is what its progress counts.
	Begin(what, unit string) Step
	// Warn reports what does not stop the work but belongs into the report.
	Warn(text string)
	// Note reports what is worth a line to somebody who watches.
	Note(text string)
	// Result is called at the end of Run, when the report has been written.
	Result(s Summary) error
}

// Step is one step of the work.
type Step interface {
	// Set reports done of total.
	Set(done, total int64)
	// Done ends the step; a step that fails ends without it.
	Done()
}

// Discard hears nothing.
type Discard struct{}

func (Discard) Begin(what, unit string) Step { return Discard{} }
func (Discard) Warn(text string)             {}
func (Discard) Note(text string)             {}
func (Discard) Result(s Summary) error       { return nil }
func (Discard) Set(done, total int64)        {}
func (Discard) Done()                        {}
