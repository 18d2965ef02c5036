package cli

import (
	"os/exec"
	"strings"
	"testing"
)

// TestSlimBuild: with the tag slim everything compiles, and neither gomlx nor the demo is linked.
func TestSlimBuild(t *testing.T) {
	if _, err := exec.LookPath("go"); err != nil {
		t.Skip("did not run: there is no go command")
	}
	command := func(args ...string) string {
		t.Helper()
		out, err := exec.Command("go", args...).CombinedOutput()
		if err != nil {
			t.Errorf("go %s: %v\n%s", strings.Join(args, " "), err, out)
		}
		return string(out)
	}
	format := "{{.ImportPath}}{{range .EmbedFiles}} embeds {{.}}{{end}}"
	packages := command("list", "-deps", "-tags", "slim", "-f", format, "./bitmill")
	for _, heavy := range []string{"gomlx", "calibrate/oracle", "demo-s"} {
		if strings.Contains(packages, heavy) {
			t.Errorf("a slim binary has %s", heavy)
		}
	}
	if !strings.Contains(packages, "bitmill/formats/demo") {
		t.Error("the list of packages is not that of the binary")
	}
	command("vet", "-tags", "slim", "./...", "../formats/demo")
}
