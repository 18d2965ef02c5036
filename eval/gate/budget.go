package gate

import (
	"errors"
	"fmt"
	"io"

	"go.yaml.in/yaml/v3"
)

// A budget file is YAML (or JSON, which is YAML):
//
//	rules:
//	  - metric: kld           # a number of report.json; see Metrics
//	    format: Q4_K_M        # patterns like Q4_*; left out: all
//	    model: demo-*
//	    max: 0.01             # or min: 0.9, or worse: 0.002, or worse: 2% (than the baseline)
type budgetFile struct {
	Rules []budgetRule `yaml:"rules"`
}

type budgetRule struct {
	Metric string   `yaml:"metric"`
	Model  string   `yaml:"model"`
	Format string   `yaml:"format"`
	Max    *float64 `yaml:"max"`
	Min    *float64 `yaml:"min"`
	Worse  *string  `yaml:"worse"`
}

// ReadBudget reads a budget file; unknown keys and rules that cannot be applied are errors.
func ReadBudget(r io.Reader) ([]Rule, error) {
	d := yaml.NewDecoder(r)
	d.KnownFields(true)
	var f budgetFile
	if err := d.Decode(&f); errors.Is(err, io.EOF) {
		return nil, fmt.Errorf("the budget is empty")
	} else if err != nil {
		return nil, fmt.Errorf("the budget cannot be read: %w", err)
	}
	if err := d.Decode(new(yaml.Node)); !errors.Is(err, io.EOF) {
		return nil, fmt.Errorf("the budget has a second document: put all rules in one, without a line of ---")
	}
	if len(f.Rules) == 0 {
		return nil, fmt.Errorf("the budget has no rules")
	}
	var rules []Rule
	for i, x := range f.Rules {
		rule := Rule{Metric: x.Metric, Model: x.Model, Format: x.Format, Max: x.Max, Min: x.Min}
		if x.Worse != nil {
			c, err := ParseChange(*x.Worse)
			if err != nil {
				return nil, fmt.Errorf("rule %d: worse: %w", i+1, err)
			}
			rule.Worse = &c
		}
		if err := rule.Check(); err != nil {
			return nil, fmt.Errorf("rule %d: %w", i+1, err)
		}
		rules = append(rules, rule)
	}
	return rules, nil
}

// BaselineRules are those of a check against a baseline alone: no artifact may diverge more, predict worse, agree less
// or be larger.
func BaselineRules() []Rule {
	var rules []Rule
	for _, name := range []string{"kld", "ppl", "same_top", "file_bytes"} {
		rules = append(rules, Rule{Metric: name, Worse: &Change{}})
	}
	return rules
}
