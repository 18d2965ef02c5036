package oracle

import (
	"context"
	"errors"
	"fmt"
	"reflect"
	"sync"

	"github.com/gomlx/compute"
	"github.com/gomlx/compute/gobackend"

	"bitmill/formats/checkpoint"
	"bitmill/formats/file"
)

// ErrTooLarge means that a model or a window needs more memory than Options.MaxBytes.
var ErrTooLarge = errors.New("too large for the oracle")

// Options of New; the zero value is useful.
type Options struct {
	MaxBytes int64 // work that takes more memory, by estimate, is refused; 0: 4 GiB
	Threads  int   // cores for the matrix products; 0: GOMAXPROCS
}

const defaultBytes = 4 << 30

// Oracle computes the logits of one checkpoint. It is safe for concurrent use; calls run one after another.
type Oracle struct {
	model    *model
	maxBytes int64
	backend  compute.Backend

	mu     sync.Mutex
	closed bool
	slots  map[string]*slot // weight buffers, shared by all layers
	graphs *graphs          // for the length of the last window
}

// New prepares the checkpoint's forward pass. It reads no weights yet: those of a layer are decoded when its turn
// comes. The checkpoint must stay open until the oracle is closed. New fails with formats.ErrUnsupported for a
// checkpoint whose forward pass is not in this package, and with ErrTooLarge.
func New(c *checkpoint.Checkpoint, o Options) (*Oracle, error) {
	m, err := newModel(c)
	if err != nil {
		return nil, err
	}
	if o.MaxBytes == 0 {
		o.MaxBytes = defaultBytes
	}
	if err := m.fits(1, o.MaxBytes); err != nil {
		return nil, err
	}
	backend, err := newBackend(o.Threads)
	if err != nil {
		return nil, err
	}
	return &Oracle{model: m, maxBytes: o.MaxBytes, backend: backend, slots: map[string]*slot{}}, nil
}

// newBackend does one op after another: the default order can deadlock (see the package documentation).
func newBackend(threads int) (compute.Backend, error) {
	backend, err := gobackend.New("ops_sequential")
	if err != nil {
		return nil, fmt.Errorf("oracle: %w", err)
	}
	return backend, setThreads(backend, threads)
}

// setThreads bounds the backend's worker pool through its exported field: the backend's option for this prints to
// standard output.
func setThreads(backend compute.Backend, n int) error {
	if n <= 0 {
		return nil
	}
	v := reflect.Indirect(reflect.ValueOf(backend))
	if v.Kind() == reflect.Struct {
		if workers := v.FieldByName("Workers"); workers.IsValid() && workers.CanInterface() {
			if pool, ok := workers.Interface().(interface{ SetMaxParallelism(int) }); ok {
				pool.SetMaxParallelism(n)
				return nil
			}
		}
	}
	return fmt.Errorf("oracle: this version of the gomlx backend has no worker pool to bound; leave Threads at 0")
}

// Close frees the compiled graphs and the weight buffers.
func (o *Oracle) Close() {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.closed {
		return
	}
	o.closed = true
	o.dropGraphs()
	for _, s := range o.slots {
		release(s.tensor)
	}
	o.slots = nil
	o.backend.Finalize()
}

// guard runs f and turns a panic of the graph library into an error.
func guard(what string, f func() error) (err error) {
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("oracle: %s: %v", what, p)
		}
	}()
	if err := file.Guard(f); err != nil {
		return fmt.Errorf("oracle: %s: %w", what, err)
	}
	return nil
}

// Logits returns the scores of all vocabulary entries after each token: [len(tokens)][vocab]. The tokens are one
// sequence from position 0. Cancelling takes effect between layers.
func (o *Oracle) Logits(ctx context.Context, tokens []int32) ([][]float32, error) {
	if len(tokens) == 0 {
		return nil, nil
	}
	if err := o.model.fits(len(tokens), o.maxBytes); err != nil {
		return nil, err
	}
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.closed {
		return nil, errors.New("oracle: used after Close")
	}
	return o.run(ctx, tokens)
}
