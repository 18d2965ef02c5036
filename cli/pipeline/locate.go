package pipeline

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"math"
	"slices"

	"bitmill/eval/locate"
	"bitmill/eval/report"
	"bitmill/eval/threshold"
	"bitmill/formats/checkpoint"
	"bitmill/quantize"
)

// Thresholds are the names that Options.Locate may hold.
func Thresholds() []string { return []string{threshold.ForFidelity, threshold.ForEconomy} }

// maxProbes ends a search of one model that noise or an odd curve keeps from its end.
const maxProbes = 24

// locate searches the thresholds of the measured models, from the smallest model on, as the economy of a larger one
// depends on the files of the smaller ones. The probes are added to the report.
func (p *prepared) locate(ctx context.Context, rep *report.Report) error {
	var models []*report.Model
	for i := range rep.Models {
		models = append(models, &rep.Models[i])
	}
	slices.SortStableFunc(models, func(a, b *report.Model) int { return cmp.Compare(a.Parameters, b.Parameters) })
	for _, m := range models {
		j := p.jobs[slices.IndexFunc(p.jobs, func(j *job) bool { return j.name == m.Name })]
		if err := j.locate(ctx, m, rep); err != nil {
			return err
		}
		m.Warnings = j.warnings
	}
	return nil
}

// search is the search for the thresholds of one model.
type search struct {
	*job
	in      inputs // of the probes
	m       *report.Model
	fit     threshold.Options
	smaller []threshold.Subject // of its family
	mixer   *quantize.Mixer
	mixes   threshold.Files
	step    Step                // nil: nothing was missing so far
	plans   map[float64]planned // of the mixes that were considered, by their bits per weight
	economy map[float64]bool    // sizes that the economy asked for
	donors  []string            // files to take tensors from
	files   []string            // of probes, to be removed
}

// locate searches the thresholds of one model.
func (j *job) locate(ctx context.Context, m *report.Model, rep *report.Report) (err error) {
	if len(j.o.Locate) == 0 || j.windows == nil || !m.Source.Measured() {
		return nil
	}
	s := &search{job: j, in: j.made.inputs, m: m, fit: j.fit(), plans: map[float64]planned{}, economy: map[float64]bool{}}
	defer func() { err = errors.Join(err, s.close()) }()
	if err := s.open(ctx); err != nil {
		j.warn("the thresholds of %s are not located: %v", j.name, err)
		return nil
	}
	for _, x := range rep.Subjects() {
		if x.Family == m.Family && x.Parameters < m.Parameters {
			s.smaller = append(s.smaller, x)
		}
	}
	for _, t := range j.o.Locate {
		if t == threshold.ForFidelity || len(s.smaller) > 0 {
			m.Searched = append(m.Searched, t)
		}
	}
	if err := s.run(ctx, rep); err != nil || s.step == nil {
		return err
	}
	s.step.Done()
	return nil
}

// locateTitle names the step for the progress.
func locateTitle(model string) string { return "locate " + model }

// run measures probes until the thresholds lie in their brackets.
func (s *search) run(ctx context.Context, rep *report.Report) error {
	for len(s.m.Probes) < maxProbes {
		sizes, err := s.next(ctx, rep)
		if err != nil || len(sizes) == 0 {
			return err
		}
		if err := s.probe(ctx, sizes); err != nil {
			return err
		}
	}
	s.warn("the search for the thresholds of %s was ended after %d probes", s.name, len(s.m.Probes))
	return nil
}

// likelyProbes is how many probes a search takes, by experience.
func likelyProbes(searched []string) (n int) {
	for _, t := range searched {
		if n += 4; t == threshold.ForEconomy {
			n++
		}
	}
	return n
}

// open plans the smallest and the largest mix.
func (s *search) open(ctx context.Context) error {
	if err := s.discardProbes(); err != nil {
		return err
	}
	if s.in.provenance.Method == "" {
		for _, a := range s.made.artifacts {
			s.donors = append(s.donors, s.path(a.file))
		}
	}
	s.in.provenance.SetMethod(quantize.Reference, quantize.Fit{}, nil)
	o := s.recipe(s.in)
	o.Name, o.Method, o.Types = "a mix", "", ""
	s.mixer = quantize.NewMixer(s.source.Checkpoint, s.in.imatrix, o, checkpoint.Pass{Threads: s.Threads})
	least, most, err := s.mixer.Bounds()
	if err != nil {
		return err
	}
	top := 8.6 // Q8_0 with vectors: nobody looks for a threshold above it
	for _, r := range s.m.Artifacts {
		top = max(top, r.Point(false).BPW())
	}
	s.mixes = threshold.Files{Least: bitsPerWeight(least), Most: min(bitsPerWeight(most), top)}
	return s.expect(ctx)
}

// typeErrorsStep names the record of the errors of types, which are measured once for all probes.
const typeErrorsStep = "type-errors"

// expect sets the errors to be expected, those of mixes at every tenth of a bit.
func (s *search) expect(ctx context.Context) error {
	s.mixes.Errors = map[string]float64{}
	shares, err := json.Marshal(s.in.shares)
	if err != nil {
		return err
	}
	k := key("type errors", s.in.provenance.Source, s.in.provenance.Imatrix, string(shares))
	rec, kept := s.store.Done(typeErrorsStep, k)
	var known quantize.TypeErrors
	if kept = kept && json.Unmarshal(rec.Data, &known) == nil; kept {
		s.mixer.Use(known)
	}
	for i, a := range s.made.artifacts {
		e, ok, err := s.mixer.Error(ctx, a.Plan)
		if err != nil {
			return err
		}
		if ok {
			s.mixes.Errors[a.name()] = e * gain(&s.m.Artifacts[i])
		}
	}
	var grid []locate.Sample
	for x := s.mixes.Least; x < s.mixes.Most; x += 0.1 {
		p, err := s.plan(ctx, x)
		if err != nil {
			return err
		}
		e, _, err := s.mixer.Error(ctx, p.Plan)
		if err != nil {
			return err
		}
		grid = append(grid, locate.Sample{BPW: bitsPerWeight(p.Plan), Damage: e, Error: 1})
	}
	if !kept {
		if err := s.store.Save(typeErrorsStep, k, nil, s.mixer.Measured()); err != nil {
			return err
		}
	}
	s.mixes.Error = locate.Expect(grid, func(float64) float64 { return 1 })
	return nil
}

// gain is by how much an artifact diverges less than what the encoders make of its format: their errors are known, and
// probes are made by them.
func gain(r *report.Row) float64 {
	if r.Reference == nil || !(r.Reference.KLD > 0 && r.KLD > 0) {
		return 1
	}
	return r.KLD / r.Reference.KLD
}

func bitsPerWeight(p *quantize.Plan) float64 { return float64(p.PayloadBits) / float64(p.Parameters) }

// next returns the sizes of the mixes to measure next, for all thresholds together, as they share the reference's run.
func (s *search) next(ctx context.Context, rep *report.Report) (sizes []float64, err error) {
	files := s.mixes
	files.Reach = func(bpw float64) float64 {
		p, failed := s.plan(ctx, bpw)
		if failed != nil {
			err = failed
			return 0
		}
		return bitsPerWeight(p.Plan)
	}
	for _, t := range s.m.Searched {
		var more []float64
		if t == threshold.ForFidelity {
			more = threshold.NextFidelity(s.m.Points(), files, s.fit)
		} else {
			more = threshold.NextEconomy(rep.Subject(s.m), s.smaller, files, s.fit)
			for _, x := range more {
				s.economy[x] = true
			}
		}
		for _, x := range more {
			if !slices.Contains(sizes, x) {
				sizes = append(sizes, x)
			}
		}
	}
	return sizes, err
}

// plan plans the mix of a size. Sizes are rounded up to thousandths, which the mix is named by: the same mix is made
// for --target-bpw.
func (s *search) plan(ctx context.Context, bpw float64) (planned, error) {
	v := variant{target: quantize.Target{BPW: math.Ceil(bpw*1000-1e-6) / 1000}}
	if bpw == s.mixes.Most {
		v.target.BPW = bpw
	}
	p, err := s.mixer.Plan(ctx, v.target)
	if err != nil {
		return planned{}, err
	}
	at := bitsPerWeight(p)
	if known, ok := s.plans[at]; ok {
		return known, nil
	}
	e, _, err := s.mixer.Error(ctx, p)
	s.plans[at], s.mixes.Errors[v.name()] = planned{v, p}, e
	return s.plans[at], err
}
