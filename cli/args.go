package cli

import (
	"fmt"
	"slices"
	"strings"

	"github.com/urfave/cli/v2"
)

// arguments checks how many arguments a command was given.
func arguments(c *cli.Context, least, most int, what string) ([]string, error) {
	args := c.Args().Slice()
	if len(args) < least || (most >= 0 && len(args) > most) {
		return nil, usagef("usage: bitmill %s %s (got %d arguments); see bitmill %s --help", c.Command.Name, what,
			len(args), c.Command.Name)
	}
	return args, nil
}

// required fails for the first of the flags that was not given, or was given as nothing.
func required(c *cli.Context, names ...string) error {
	for _, name := range names {
		if c.String(name) == "" {
			return usagef("%s needs --%s; see bitmill %s --help", c.Command.Name, name, c.Command.Name)
		}
	}
	return nil
}

// commandLine is the command as it would be typed again, without the flags named, which do not change the result.
func commandLine(c *cli.Context, without ...string) string {
	words := append([]string{"bitmill", c.Command.Name}, c.Args().Slice()...)
	for _, f := range c.Command.Flags {
		name := f.Names()[0]
		if !c.IsSet(name) || slices.Contains(without, name) {
			continue
		}
		switch v := c.Value(name).(type) {
		case bool:
			words = append(words, fmt.Sprintf("--%s=%v", name, v))
			if v {
				words[len(words)-1] = "--" + name
			}
		case cli.StringSlice:
			for _, s := range v.Value() {
				words = append(words, "--"+name, s)
			}
		default:
			words = append(words, "--"+name, fmt.Sprint(v))
		}
	}
	for i, w := range words {
		if w == "" || strings.ContainsAny(w, " \t\n\\'\"$`*?[](){}<>|&;#~!") {
			words[i] = "'" + strings.ReplaceAll(w, "'", `'\''`) + "'"
		}
	}
	return strings.Join(words, " ")
}
