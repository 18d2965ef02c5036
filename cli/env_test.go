package cli

import (
	"bytes"
	"strings"
	"testing"
)

// TestWarnsOnce: models that share a tokenizer share its warnings, which are told once.
func TestWarnsOnce(t *testing.T) {
	var errs bytes.Buffer
	e := makeEnv(&errs, &errs, false, true)
	e.warn("8 bytes have no token", "")
	e.warn("8 bytes have no token", "another")
	if got := strings.Count(errs.String(), "no token"); got != 1 || !strings.Contains(errs.String(), "another") {
		t.Errorf("%q", errs.String())
	}
}
