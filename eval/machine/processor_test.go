package machine

import (
	"strings"
	"testing"
)

func TestProcessor(t *testing.T) {
	if name := Processor(); name == "" || strings.ContainsAny(name, "\n\t") || name != strings.TrimSpace(name) {
		t.Errorf("%q", name)
	}
}
