package arch

import (
	"os"
	"regexp"
	"testing"
)

// docs/models.md names every model_type and every architecture.
func TestDocsNameFamilies(t *testing.T) {
	text, err := os.ReadFile("../../../docs/models.md")
	if err != nil {
		t.Fatal(err)
	}
	named := map[string]bool{}
	for _, word := range regexp.MustCompile(`[\w-]+`).FindAllString(string(text), -1) {
		named[word] = true
	}
	for _, f := range families {
		if !named[f.Type] || !named[f.Arch] {
			t.Errorf("docs/models.md does not name %s (architecture %s)", f.Type, f.Arch)
		}
	}
	for name := range wrappers {
		if !named[name] {
			t.Errorf("docs/models.md does not name the wrapper %s", name)
		}
	}
}
