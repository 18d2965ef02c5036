package pipeline

import (
	"context"
	"encoding/json"

	"bitmill/quantize"
)

// planVariant plans one artifact. Types that were measured for an earlier run with the same inputs are not measured
// again.
func (j *job) planVariant(ctx context.Context, v variant, in inputs, o quantize.Options) (*quantize.Plan, error) {
	o = v.options(o)
	if !v.isMix() && o.Types != quantize.TypesChosen || o.Unmeasured {
		return j.Plan(ctx, j.source.Checkpoint, in.imatrix, o, v.target, j.o.Strict)
	}
	artifact, err := in.provenance.ArtifactKey(o)
	if err != nil {
		return nil, err
	}
	step, k := "types-"+v.word(), key("types", artifact)
	var mix *quantize.Mix
	if rec, ok := j.store.Done(step, k); ok && json.Unmarshal(rec.Data, &mix) == nil {
		if p, err := quantize.NewMixPlan(j.source.Checkpoint, in.imatrix, o, mix); err == nil {
			return p, j.checkStrict(p, in)
		}
	}
	p, err := j.Plan(ctx, j.source.Checkpoint, in.imatrix, o, v.target, j.o.Strict)
	if err != nil {
		return nil, err
	}
	return p, j.store.Save(step, k, nil, p.Mix())
}

func (j *job) checkStrict(p *quantize.Plan, in inputs) error {
	if !j.o.Strict {
		return nil
	}
	return checkStrict(p, in.imatrix)
}
