package formats

import (
	"encoding/json"
	"errors"
	"testing"
)

func TestJSONErrorSpeaksOfTheFile(t *testing.T) {
	var v struct {
		Width *int              `json:"width"`
		Eps   float64           `json:"eps"`
		Tied  bool              `json:"tied"`
		Map   map[string]string `json:"map"`
		List  []string          `json:"list"`
	}
	for text, want := range map[string]string{
		`{"width": "a"}`: "width holds a string where a whole number belongs",
		`{"width": 1.5}`: "width holds a number 1.5 where a whole number belongs",
		`{"eps": []}`:    "eps holds an array where a number belongs",
		`{"tied": 1}`:    "tied holds a number where true or false belongs",
		`{"map": 5}`:     "map holds a number where an object belongs",
		`{"list": {}}`:   "list holds an object where a list belongs",
		`[]`:             "it holds an array where an object belongs",
	} {
		if got := JSONError(json.Unmarshal([]byte(text), &v)); got == nil || got.Error() != want {
			t.Errorf("%s: %v, want %s", text, got, want)
		}
	}
	other := errors.New("other")
	if JSONError(other) != other || JSONError(nil) != nil {
		t.Error("another error is changed")
	}
}
