package formats

import (
	"errors"
	"strings"
	"testing"

	"go.yaml.in/yaml/v3"
)

func TestYAMLErrorSpeaksOfTheFile(t *testing.T) {
	var v struct {
		Width int                `yaml:"width"`
		Max   *float64           `yaml:"max"`
		Name  string             `yaml:"name"`
		Tied  bool               `yaml:"tied"`
		Map   map[string]float64 `yaml:"map"`
		List  []struct{ A int }  `yaml:"list"`
	}
	for text, want := range map[string]string{
		"width: a":           "line 1: the text `a` stands where a whole number belongs",
		"max: 7GB":           "line 1: the text `7GB` stands where a number belongs",
		"max: 2026-01-01x":   "line 1: the text `2026-01...` stands where a number belongs",
		"width: {}":          "line 1: a mapping stands where a whole number belongs",
		"name: [a]":          "line 1: a list stands where text belongs",
		"tied: 1":            "line 1: the number `1` stands where true or false belongs",
		"map: 5":             "line 1: the number `5` stands where a mapping belongs",
		"list: {}":           "line 1: a mapping stands where a list belongs",
		"list: [kld]":        "line 1: the text `kld` stands where a mapping belongs",
		"[]":                 "line 1: a list stands where a mapping belongs",
		"width: 1\nwide: 2":  `line 2: there is no key "wide"`,
		"width: 1\nwidth: 2": `line 2: the key "width" stands twice, first in line 1`,
		"width: a\nmax: b": "line 1: the text `a` stands where a whole number belongs; " +
			"line 2: the text `b` stands where a number belongs",
	} {
		d := yaml.NewDecoder(strings.NewReader(text))
		d.KnownFields(true)
		if got := YAMLError(d.Decode(&v)); got == nil || got.Error() != want {
			t.Errorf("%s: %v, want %s", text, got, want)
		}
	}
	other := errors.New("other")
	if YAMLError(other) != other || YAMLError(nil) != nil {
		t.Error("another error is changed")
	}
}
