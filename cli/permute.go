package cli

import (
	"slices"
	"strings"

	"github.com/urfave/cli/v2"

	"bitmill/formats"
)

// permute moves a command's flags before its arguments, because the flag parser stops at the first argument:
//
//	bitmill quantize MODEL OUT -f Q4_K_M  ->  bitmill quantize -f Q4_K_M MODEL OUT
//
// What follows "--" stays an argument.
func permute(app *cli.App, args []string) []string {
	if len(args) < 2 {
		return args
	}
	command := app.Command(args[1])
	if command == nil {
		return args
	}
	var flags, rest []string
	for i := 2; i < len(args); i++ {
		a := args[i]
		if a == "--" {
			rest = append(rest, args[i+1:]...)
			break
		}
		if len(a) < 2 || a[0] != '-' || isNumber(a) {
			rest = append(rest, a)
			continue
		}
		flags = append(flags, a)
		if !strings.Contains(a, "=") && takesValue(command, strings.TrimLeft(a, "-")) && i+1 < len(args) {
			i++
			flags = append(flags, args[i])
		}
	}
	out := append(slices.Clone(args[:2]), flags...)
	if len(rest) > 0 {
		out = append(append(out, "--"), rest...)
	}
	return out
}

// isNumber tells the argument -1 from a flag.
func isNumber(a string) bool { return a[1] >= '0' && a[1] <= '9' }

func takesValue(command *cli.Command, name string) bool {
	for _, f := range command.Flags {
		if !slices.Contains(f.Names(), name) {
			continue
		}
		_, isBool := f.(*cli.BoolFlag)
		return !isBool
	}
	return false
}

func unknownCommand(c *cli.Context) error {
	var names []string
	for _, k := range c.App.Commands {
		names = append(names, k.Name)
	}
	given := c.Args().First()
	return usagef("unknown command %q; did you mean %s? See bitmill --help", given, formats.Nearest(given, names))
}
