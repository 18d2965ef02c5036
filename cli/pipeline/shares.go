package pipeline

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"math"
	"slices"

	"bitmill/formats"
	"bitmill/formats/checkpoint"
	"bitmill/formats/file"
	"bitmill/formats/imatrix"
	"bitmill/quantize"
	"bitmill/quantize/feedback"
	"bitmill/quantize/probe"
)

// shares measures what types are chosen by, if any are. A journal in the model's folder keeps it for all formats, and for
// later runs.
func (j *job) shares(ctx context.Context, in inputs) (map[string]float64, error) {
	if !j.measuresShares() {
		return nil, nil
	}
	method := quantize.TypesMethod(j.method)
	k := key("probes", in.provenance.Source, in.provenance.Imatrix, quantize.WindowsHash(j.calibration), method)
	shares, err := j.Shares(ctx, j.source.Checkpoint, in.imatrix, j.calibration, method,
		func(entry func([]byte) error) (*file.Journal, error) { return j.store.OpenJournal("probes", k, entry) })
	j.source.Unload()
	return shares, err
}

// measuresShares reports whether types are chosen by what errors in the matrices do.
func (j *job) measuresShares() bool {
	return j.calibration != nil && (len(j.o.Targets) > 0 || j.o.Recipe.Types == quantize.TypesChosen)
}

// forecastShares adds the steps of shares.
func (j *job) forecastShares(f *Forecast, r *rates) {
	if !j.measuresShares() {
		return
	}
	c, source := j.source.Checkpoint, j.sourcePass()
	used := probedTokens(j.calibration)
	each := r.tokens(used, source, c.Config.Layers) + 2*r.logits(used, source, c.Config.Vocab)
	f.add("probe "+j.name, "matrices", int64(probe.Matrices(c)), float64(probe.Passes(c))*each)
	if !quantize.Fits(j.method) {
		return
	}
	tokens := feedback.GainTokens(c, len(j.calibration)*j.o.Context)
	w := feedback.WorkOf(c, tokens)
	seconds := r.tokens(tokens, source, c.Config.Layers) + w.Moments/2*r.product[formats.BF16]/r.threads
	if w.Logits > 0 {
		seconds += r.tokens(w.Logits, source, c.Config.Layers) + r.logits(w.Logits, source, 4*c.Config.Vocab)
	}
	f.add("moments of "+j.name, "layers", int64(c.Config.Layers), seconds)
}

// probed is a line of the journal of Shares.
type probed struct {
	Tensor string             `json:"tensor,omitempty"`
	Nats   float64            `json:"nats,omitempty"`
	Gains  map[string]float64 `json:"gains,omitempty"`
}

// OpenJournal opens a journal, as file.OpenJournal with a path and a key.
type OpenJournal func(entry func(line []byte) error) (*file.Journal, error)

// Shares measures what types are chosen by: the divergence that an error in each matrix causes, with the errors that the
// method makes. It is nil without windows of a text. open is of a journal of what is done; nil: none is kept.
func (s Session) Shares(ctx context.Context, c *checkpoint.Checkpoint, m *imatrix.Matrix, windows [][]int32,
	method string, open OpenJournal) (_ map[string]float64, err error) {
	if len(windows) == 0 || c.Planned {
		return nil, nil
	}
	nats, gains := map[string]float64{}, map[string]float64(nil)
	put := func(probed) error { return nil }
	if open != nil {
		journal, err := open(func(line []byte) error {
			var p probed
			err := json.Unmarshal(line, &p)
			if p.Gains != nil {
				gains = p.Gains
			} else {
				nats[p.Tensor] = p.Nats
			}
			return err
		})
		if err != nil {
			return nil, err
		}
		defer journal.Close()
		put = func(p probed) error { return journal.Append(p) }
	}
	s.announceShares(c, windows, len(nats) > 0, method == quantize.Feedback && gains == nil)
	if nats, err = s.probe(ctx, c, m, windows, method, nats, put); err != nil {
		return nil, err
	}
	if method != quantize.Feedback {
		return nats, nil
	}
	if gains == nil {
		if gains, err = s.gains(ctx, c, windows); err != nil {
			return nil, err
		}
		if err := put(probed{Gains: gains}); err != nil {
			return nil, err
		}
	}
	return times(nats, gains), nil
}

// times multiplies the nats of every matrix by its gain; experts that had too few tokens for one have the mean.
func times(nats, gains map[string]float64) map[string]float64 {
	sum, shares := 0.0, map[string]float64{}
	for _, name := range slices.Sorted(maps.Keys(gains)) {
		sum += math.Log(gains[name])
	}
	for name, v := range nats {
		if g := gains[name]; g > 0 {
			shares[name] = v * g
		} else {
			shares[name] = v * math.Exp(sum/float64(len(gains)))
		}
	}
	return shares
}

// announceShares says what Shares will cost, unless it has begun before.
func (s Session) announceShares(c *checkpoint.Checkpoint, windows [][]int32, begun, gains bool) {
	if begun {
		return
	}
	used, size := probedTokens(windows), len(windows[0])
	passes := (probe.Passes(c)*used + size - 1) / size
	if gains {
		passes += feedback.GainTokens(c, len(windows)*size) / size
	}
	s.Events.Note(fmt.Sprintf("types of %s are chosen by what errors in each matrix do to %d tokens: that takes as long as "+
		"%d windows of evaluation", ModelName(c.Path), used, passes))
}

// probedTokens counts the tokens of a text that are used.
func probedTokens(windows [][]int32) (n int) {
	for _, w := range probe.Windows(windows) {
		n += len(w)
	}
	return n
}

// probe probes the matrices; have are the results so far.
func (s Session) probe(ctx context.Context, c *checkpoint.Checkpoint, m *imatrix.Matrix, windows [][]int32,
	method string, have map[string]float64, put func(probed) error) (map[string]float64, error) {
	pool := s.Pool()
	defer pool.Close()
	var step Step // nothing is shown when all is known
	o := probe.Options{
		Encoder: method != quantize.Feedback,
		Weights: func(name string) []float32 {
			if e, ok := m.Entry(name); ok {
				return e.Weights()
			}
			return nil
		},
		Have: func(name string) (nats float64, ok bool) {
			if nats, ok = have[name]; !ok && step == nil {
				step = s.Events.Begin("probe "+ModelName(c.Path), "matrices")
			}
			return nats, ok
		},
		Store: func(name string, nats float64) error { return put(probed{Tensor: name, Nats: nats}) },
		Progress: func(done, total int64) {
			if step != nil {
				step.Set(done, total)
			}
		},
	}
	nats, err := probe.Run(ctx, pool, c, probe.Windows(windows), o)
	if err != nil {
		return nil, fmt.Errorf("probe %s: %w", ModelName(c.Path), err)
	}
	if step != nil {
		step.Done()
	}
	return nats, nil
}

// gains measures how far method feedback lowers the errors of each matrix.
func (s Session) gains(ctx context.Context, c *checkpoint.Checkpoint, windows [][]int32) (map[string]float64, error) {
	pool := s.Pool()
	defer pool.Close()
	step := s.Events.Begin("moments of "+ModelName(c.Path), "layers")
	gains, err := feedback.Gains(ctx, pool, c, windows, feedback.Options{Progress: step.Set})
	if err == nil {
		step.Done()
	}
	return gains, err
}
