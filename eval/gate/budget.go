package gate

import (
	"errors"
	"fmt"
	"io"

	"go.yaml.in/yaml/v3"

	"bitmill/formats"
)

// A budget file is YAML (or JSON, which is YAML):
//
//	rules:
//	  - metric: kld           # a number of report.json; see Metrics
//	    format: Q4_K_M        # patterns like Q4_*; left out: all
//	    model: demo-*
//	    max: 0.01             # or min: 0.9, or worse: 0.002, or worse: 2% (than the baseline)
type budget struct {
	Rules []Rule `yaml:"rules"`
}

// ReadBudget reads a budget file; unknown keys and rules that cannot be applied are errors.
func ReadBudget(r io.Reader) ([]Rule, error) {
	d := yaml.NewDecoder(r)
	d.KnownFields(true)
	var b budget
	if err := d.Decode(&b); errors.Is(err, io.EOF) {
		return nil, fmt.Errorf("the budget is empty")
	} else if err != nil {
		return nil, fmt.Errorf("the budget cannot be read: %w", formats.YAMLError(err))
	}
	if err := d.Decode(new(yaml.Node)); !errors.Is(err, io.EOF) {
		return nil, fmt.Errorf("the budget has a second document: put all rules in one, without a line of ---")
	}
	if len(b.Rules) == 0 {
		return nil, fmt.Errorf("the budget has no rules")
	}
	for i, rule := range b.Rules {
		if err := rule.Check(); err != nil {
			return nil, fmt.Errorf("rule %d: %w", i+1, err)
		}
	}
	return b.Rules, nil
}

// BaselineRules are those of a check against a baseline alone: no artifact may diverge more, predict worse, agree less
// or take more bits. Bits are those of the tensors: the file's bytes also count the texts in its metadata.
func BaselineRules() []Rule {
	var rules []Rule
	for _, name := range []string{"kld", "ppl", "same_top", "payload_bits"} {
		rules = append(rules, Rule{Metric: name, Worse: &Change{}})
	}
	return rules
}
