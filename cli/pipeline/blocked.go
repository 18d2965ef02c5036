package pipeline

import (
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"

	"bitmill/eval/report"
	"bitmill/formats/checkpoint"
	"bitmill/quantize"
)

// The values of a source may rule formats out: one that F16 cannot hold blocks F16, and NaN blocks all. Only a pass
// over the data can tell, so a run goes on with what else can be made.

// blockedModelError says that no format of a model can be made.
type blockedModelError struct{ formats []report.Blocked }

func (e *blockedModelError) Error() string {
	first := e.formats[0]
	text := first.Model + ": " + first.Reason
	var others []string
	for _, b := range e.formats[1:] {
		others = append(others, b.Formats...)
	}
	if others == nil {
		return text
	}
	return text + "; " + strings.Join(others, ", ") + " cannot be made either"
}

// blockedStep names the record of a variant that is blocked, whose data is the reason.
func blockedStep(v variant) string { return "blocked-" + v.word() }

// wasBlocked reports whether an earlier run found that the artifact cannot be made from these inputs.
func (j *job) wasBlocked(a *artifact) bool {
	rec, ok := j.store.Done(blockedStep(a.variant), a.key)
	var reason string
	if !ok || json.Unmarshal(rec.Data, &reason) != nil || reason == "" {
		return false
	}
	j.block(a.name(), reason)
	return true
}

// block notes for the report that a format cannot be made.
func (j *job) block(format, reason string) {
	j.blocked = append(j.blocked, report.Blocked{Model: j.name, Formats: []string{format}, Reason: reason})
}

// leaveOut takes the blocked artifacts off the list, and remembers why.
func (j *job) leaveOut(made []*artifact, e *quantize.PartialError) ([]*artifact, error) {
	for _, b := range e.Blocked {
		i := slices.IndexFunc(made, func(a *artifact) bool { return a.name() == b.Format })
		if i < 0 {
			return nil, fmt.Errorf("internal error: %s was written without a plan", b.Format)
		}
		if err := j.store.Save(blockedStep(made[i].variant), made[i].key, nil, b.Error()); err != nil {
			return nil, err
		}
		made = slices.Delete(made, i, i+1)
		j.block(b.Format, b.Error())
	}
	return made, nil
}

// allBlocked returns what to say of a model of which nothing can be made because of its values; nil for other errors.
func (j *job) allBlocked(err error) []report.Blocked {
	var blocked *blockedModelError
	var damaged *checkpoint.NotFiniteError
	switch {
	case errors.As(err, &blocked):
		return blocked.formats
	case errors.As(err, &damaged):
		var names []string
		for _, v := range j.variants {
			names = append(names, v.name())
		}
		return []report.Blocked{{Model: j.name, Formats: names, Reason: err.Error()}}
	}
	return nil
}
