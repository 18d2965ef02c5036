package pipeline

import (
	"slices"
	"strings"

	"bitmill/quantize"
)

// variant says what an artifact is: a format, or a mix of types chosen for a size.
type variant struct {
	format string          // of a mix: empty, the headline format nearest in size
	target quantize.Target // of a mix
}

// variants are the artifacts to make of every model: formats first, then mixes.
func (o *Options) variants() (list []variant) {
	for _, f := range o.Formats {
		list = append(list, variant{format: f})
	}
	for _, t := range o.Targets {
		if v := (variant{target: t}); !slices.Contains(list, v) {
			list = append(list, v)
		}
	}
	return list
}

// isMix reports whether the types are chosen for a size.
func (v variant) isMix() bool { return v.target != quantize.Target{} }

// name is that in reports: "Q4_K_M", "3.25 bpw", "8 GiB".
func (v variant) name() string {
	if v.isMix() {
		return v.target.Name()
	}
	return v.format
}

// word is the name as a part of the names of files and steps.
func (v variant) word() string { return strings.ReplaceAll(v.name(), " ", "") }

// options are those of the plan.
func (v variant) options(o quantize.Options) quantize.Options {
	o.Format = v.format
	if v.isMix() {
		o.Name, o.Types = v.name(), ""
	} else if o.Types != quantize.TypesChosen {
		o.Shares = nil
	}
	return o
}
