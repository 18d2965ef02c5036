package cli

import (
	"fmt"
	"slices"
	"strings"

	"github.com/urfave/cli/v2"

	"bitmill/formats"
)

// argumentRule says what a command needs before it starts.
type argumentRule struct {
	least, most int // arguments; most is -1 without a limit
	usage       string
	flags       []string
}

// stream stands for standard input where a text is read.
const stream = "-"

// streamed are the flags, by command, that may be standard input.
var streamed = map[string][]string{"calibrate": {"text"}, "eval": {"text"}, "tokenize": {"file"}}

// noStream refuses stream where a file must be named.
func noStream(what string) error {
	return usagef("%s is -, but only a text may come from standard input (calibrate and eval --text -, "+
		"tokenize --file -), and nothing is written to standard output: name a file (./- if that is its name)", what)
}

// arguments makes the rule of a command.
func arguments(least, most int, usage string, flags ...string) argumentRule {
	return argumentRule{least, most, usage, flags}
}

// action checks the rule and then calls do.
func (r argumentRule) action(do func(c *cli.Context, e env, args []string) error) cli.ActionFunc {
	return func(c *cli.Context) error {
		args, name := c.Args().Slice(), c.Command.Name
		if len(args) < r.least || r.most >= 0 && len(args) > r.most {
			return usagef("usage: bitmill %s (got %s); see bitmill %s --help", strings.TrimSpace(name+" "+r.usage),
				formats.Several(len(args), "argument"), name)
		}
		if err := required(c, r.flags...); err != nil {
			return err
		}
		if slices.Contains(args, stream) {
			return noStream("the argument")
		}
		if err := localArguments(c, args); err != nil {
			return err
		}
		e := newEnv(c)
		defer e.terminal.stop()
		return do(c, e, args)
	}
}

// required fails for the first of the flags that is missing or empty.
func required(c *cli.Context, names ...string) error {
	for _, name := range names {
		if c.String(name) == "" {
			return usagef("%s needs --%s; see bitmill %s --help", c.Command.Name, name, c.Command.Name)
		}
	}
	return nil
}

// commandLine returns the command as it would be typed again, without the named flags, which do not change the result.
func commandLine(c *cli.Context, without ...string) string {
	words, args := []string{"bitmill", c.Command.Name}, c.Args().Slice()
	if !slices.ContainsFunc(args, dashed) {
		words, args = append(words, args...), nil
	}
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
	if args != nil {
		words = append(append(words, "--"), args...)
	}
	return formats.ShellWords(words...)
}

// dashed reports whether an argument looks like a flag.
func dashed(s string) bool { return strings.HasPrefix(s, "-") }
