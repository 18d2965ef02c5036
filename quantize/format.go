package quantize

import (
	"fmt"
	"strings"

	"bitmill/formats"
)

// Format is a named recipe for a whole model: what llama.cpp calls a file type.
type Format struct {
	Name     string
	FileType uint32       // general.file_type
	Default  formats.Type // of every quantizable tensor that no rule names
	Rules    []Rule       // the first that applies decides
}

// Rule gives the tensors of some roles a type under some conditions.
type Rule struct {
	Roles Role
	When  Condition
	Type  formats.Type
}

// text is the rule without its type, with the roles given: "attn_output experts=8".
func (r Rule) text(roles Role) string {
	if r.When == always {
		return roles.String()
	}
	return roles.String() + " " + r.When.String()
}

// Headline lists the seven default formats, by falling size.
func Headline() []string {
	return []string{"Q8_0", "Q6_K", "Q5_K_M", "Q4_K_M", "Q3_K_M", "Q3_K_S", "Q2_K"}
}

// aliases are llama-quantize's short names.
var aliases = map[string]string{"Q3_K": "Q3_K_M", "Q4_K": "Q4_K_M", "Q5_K": "Q5_K_M"}

// Formats returns all formats, by falling nominal size. The caller must not change them.
func Formats() []Format { return table }

// asIs is the format COPY: every tensor as it is. It is not a recipe, so Formats does not list it.
var asIs = Format{Name: "COPY"}

// ParseFormat finds a format by name or alias, in any case. The error names a format that is nearly so called.
func ParseFormat(name string) (*Format, error) {
	full := strings.ToUpper(name)
	if a, ok := aliases[full]; ok {
		full = a
	}
	if full == asIs.Name {
		return &asIs, nil
	}
	names := make([]string, len(table))
	for i := range table {
		if table[i].Name == full {
			return &table[i], nil
		}
		names[i] = table[i].Name
	}
	if near := formats.Suggest(name, names); near != "" {
		return nil, fmt.Errorf("unknown format %q%s", name, near)
	}
	return nil, fmt.Errorf("unknown format %q: choose from %s", name, strings.Join(names, ", "))
}

// choose returns the type that the format gives a tensor, and the reason.
func (f *Format) choose(s *tensorContext) (formats.Type, string) {
	for _, r := range f.Rules {
		if r.Roles&s.role != 0 && r.When.holds(s) {
			return r.Type, "rule " + r.text(s.role)
		}
	}
	return f.Default, "default"
}
