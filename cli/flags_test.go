package cli

import (
	"bytes"
	"strings"
	"testing"

	"github.com/urfave/cli/v2"
)

// TestEveryCountAndFileIsChecked: no command takes a negative count, or "-" where it needs a file of a name.
func TestEveryCountAndFileIsChecked(t *testing.T) {
	counts, files := 0, 0
	for _, command := range newApp(&bytes.Buffer{}, &bytes.Buffer{}).Commands {
		for _, f := range command.Flags {
			name := f.Names()[0]
			value, want := "-1", "--"+name+" -1: "
			switch f := f.(type) {
			case *cli.IntFlag:
				counts++
			case *cli.StringFlag:
				if !f.TakesFile || strings.Contains(strings.Join(streamed[command.Name], " "), name) {
					continue
				}
				value, want = "-", "--"+name+" is -, "
				files++
			default:
				continue
			}
			var stderr bytes.Buffer
			code := Main([]string{"bitmill", command.Name, "nothing", "--" + name, value}, &bytes.Buffer{}, &stderr)
			if code != exitUsage || !strings.Contains(stderr.String(), want) {
				t.Errorf("%s --%s %s: exit code %d: %s", command.Name, name, value, code, stderr.String())
			}
		}
	}
	if counts < 30 || files < 20 {
		t.Errorf("only %d counts and %d files were found", counts, files)
	}
}
