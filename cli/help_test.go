package cli

import (
	"bytes"
	"fmt"
	"io"
	"os/exec"
	"slices"
	"strings"
	"testing"
)

// Every example in the help is a command that its flags let through, and every command with flags of its own has some.
func TestExamples(t *testing.T) {
	for _, c := range newApp(io.Discard, io.Discard).Commands {
		if len(examples[c.Name]) < 2 {
			t.Errorf("%s has %d examples", c.Name, len(examples[c.Name]))
		}
		for _, e := range examples[c.Name] {
			_, e, _ = strings.Cut(e, "bitmill ") // behind a pipe
			e, _, _ = strings.Cut(e, " | ")
			e, _, _ = strings.Cut(e, "   ") // before a remark
			app := newApp(io.Discard, io.Discard)
			args, err := permute(app, append([]string{"bitmill"}, strings.Fields(strings.TrimSuffix(e, ")"))...))
			if err != nil || args[1] != c.Name {
				t.Errorf("%s: %q: %v", c.Name, e, err)
			}
		}
	}
	for name := range examples {
		if newApp(io.Discard, io.Discard).Command(name) == nil {
			t.Errorf("examples of %s, which is not a command", name)
		}
	}
}

// Every flag of the large commands is in a group.
func TestFlagGroups(t *testing.T) {
	for _, c := range newApp(io.Discard, io.Discard).Commands {
		for _, f := range c.Flags {
			name, large := f.Names()[0], slices.Contains([]string{"run", "quantize", "plan"}, c.Name)
			if large && titleOf(name) == otherTitle && name != "tensors" {
				t.Errorf("--%s of %s is in no group", name, c.Name)
			}
		}
	}
}

// A file in a description stands there as it is written.
func TestHelpKeepsLines(t *testing.T) {
	for name, file := range map[string]string{
		"check": "\n\n   rules:\n     - {metric: kld, format: Q4_K_M, max: 0.01}\n     - {",
		"batch": "\n\n   defaults: {text: eval.txt, calibration: cal.txt}\n   jobs:\n     - {",
	} {
		var b bytes.Buffer
		if err := printHelp(&b, newApp(io.Discard, io.Discard).Command(name), 72); err != nil {
			t.Fatal(err)
		}
		if !strings.Contains(b.String(), file) {
			t.Errorf("%s does not have the lines of its file: %s", name, b.String())
		}
	}
}

// Lines of help are as wide as they may be, but for the commands in examples.
func TestHelpWidth(t *testing.T) {
	for _, c := range newApp(io.Discard, io.Discard).Commands {
		var b bytes.Buffer
		if err := printHelp(&b, c, 72); err != nil {
			t.Fatal(err)
		}
		for line := range strings.Lines(b.String()) {
			if n := len([]rune(strings.TrimRight(line, "\n"))); n > 72 && !strings.Contains(line, "bitmill ") {
				t.Errorf("%s: %d columns: %s", c.Name, n, line)
			}
		}
	}
}

// bash understands its completion, and completes with it. Without bash, the text alone is checked by a script.
func TestBashCompletion(t *testing.T) {
	var b bytes.Buffer
	if err := bashCompletion(&b, newApp(io.Discard, io.Discard)); err != nil {
		t.Fatal(err)
	}
	for words, want := range map[string]string{
		"bitmill qua": "quantize", "bitmill run --compare": "--compare-methods", "bitmill run -f Q4_K_": "Q4_K_M Q4_K_S",
		"bitmill quantize m o --method fe": "feedback",
	} {
		if !strings.Contains(b.String(), strings.Fields(want)[0]) {
			t.Errorf("no %s in the completion", want)
		}
		if _, err := exec.LookPath("bash"); err != nil {
			continue
		}
		script := fmt.Sprintf("%sCOMP_WORDS=(%s)\nCOMP_CWORD=$((${#COMP_WORDS[@]}-1))\n_bitmill\necho ${COMPREPLY[@]}\n",
			b.String(), words)
		out, err := exec.Command("bash", "-c", script).CombinedOutput()
		if got := strings.TrimSpace(string(out)); err != nil || got != want {
			t.Errorf("%s: completed by %q, want %q (%v)", words, got, want, err)
		}
	}
}
