package infer

import "errors"

// ErrStopped is the error of a pass that Stop has ended.
var ErrStopped = errors.New("the pass was stopped")

// stopped is the panic that ends a pass; Layers recovers it.
type stopped struct{}

// Stop ends the current call of Layers from inside one of the functions of Options. It does not return.
func (r *Runner) Stop() { panic(stopped{}) }

// RoutedTokens are the tokens of the rows that Observe is called with for an expert's matrix, ascending: indices in the
// batch.
func (r *Runner) RoutedTokens(w *Linear) []int32 {
	p := &r.pass.routed
	return p.tokens[p.starts[w.Expert]:p.starts[w.Expert+1]]
}
