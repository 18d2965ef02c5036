package formats

import (
	"errors"
	"fmt"
	"regexp"
	"strings"

	"go.yaml.in/yaml/v3"
)

// YAMLError words an error of decoding YAML for someone who knows the file and not the program: "line 2: the text
// `much` stands where a number belongs". Other errors it leaves as they are.
func YAMLError(err error) error {
	var wrong *yaml.TypeError
	if !errors.As(err, &wrong) {
		return err
	}
	out := make([]string, len(wrong.Errors))
	for i, s := range wrong.Errors {
		s = yamlKind.ReplaceAllStringFunc(s, func(s string) string {
			m := yamlKind.FindStringSubmatch(s)
			return fmt.Sprintf("%s%s stands where %s belongs", yamlTag(m[1]), m[2], yamlPlace(m[3]))
		})
		s = yamlUnknown.ReplaceAllString(s, `there is no key "$1"`)
		out[i] = yamlTwice.ReplaceAllString(s, "the key $1 stands twice, first in line $2")
	}
	return errors.New(strings.Join(out, "; "))
}

// The sentences of the yaml package that name Go types.
var (
	yamlKind    = regexp.MustCompile("cannot unmarshal (!\\S+)( `[^`]*`)? into (.+)")
	yamlUnknown = regexp.MustCompile(`field (\S+) not found in type .+`)
	yamlTwice   = regexp.MustCompile(`mapping key (".*") already defined at line (\d+)`)
)

// yamlTag names what stands in the file.
func yamlTag(tag string) string {
	switch tag {
	case "!!seq":
		return "a list"
	case "!!map":
		return "a mapping"
	case "!!int", "!!float":
		return "the number"
	case "!!bool":
		return "the truth value"
	case "!!null":
		return "nothing"
	}
	return "the text"
}

// yamlPlace names what a Go type is read from.
func yamlPlace(goType string) string {
	switch goType = strings.TrimLeft(goType, "*"); {
	case strings.HasPrefix(goType, "["):
		return "a list"
	case goType == "string":
		return "text"
	case goType == "bool":
		return "true or false"
	case strings.HasPrefix(goType, "float"):
		return "a number"
	case strings.HasPrefix(goType, "int"), strings.HasPrefix(goType, "uint"):
		return "a whole number"
	}
	return "a mapping"
}
