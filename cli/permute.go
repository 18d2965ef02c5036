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
// What follows "--" stays an argument. Flags before the command go to the command, and "help COMMAND" is
// "COMMAND --help". It fails for a flag that the command does not have and for one whose value is missing.
func permute(app *cli.App, args []string) ([]string, error) {
	name, args := commandFirst(app, args)
	command := app.Command(name)
	if command == nil {
		return args, nil
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
		name, _, assigned := strings.Cut(strings.TrimLeft(a, "-"), "=")
		known, wantsValue := lookFlag(command, name)
		switch {
		case !known:
			return nil, unknownFlag(command, name)
		case wantsValue && !assigned && (i+1 == len(args) || args[i+1] == "--"):
			return nil, usagef("%s needs a value; see bitmill %s --help", a, command.Name)
		case wantsValue && !assigned:
			i++
			flags = append(flags, args[i])
		}
	}
	out := append(slices.Clone(args[:2]), flags...)
	if len(rest) > 0 {
		out = append(append(out, "--"), rest...)
	}
	return out, nil
}

// commandFirst finds the command's name behind any common flags, and puts it right behind the program's.
func commandFirst(app *cli.App, args []string) (name string, moved []string) {
	common := &cli.Command{Flags: commonFlags()}
	at := 1
	for at < len(args) && strings.HasPrefix(args[at], "-") {
		flag, _, assigned := strings.Cut(strings.TrimLeft(args[at], "-"), "=")
		known, wantsValue := lookFlag(common, flag)
		if !known || flag == "help" || flag == "h" {
			break
		}
		at++
		if wantsValue && !assigned {
			at++
		}
	}
	switch {
	case at >= len(args):
		return "", args
	case at == 1 && args[at] == "help" && len(args) > 2 && app.Command(args[2]) != nil:
		return args[2], []string{args[0], args[2], "--help"}
	case at == 1 && args[at] == "help" && len(args) > 2 && !strings.HasPrefix(args[2], "-"):
		return args[2], append([]string{args[0]}, args[2:]...) // which says that it is unknown
	case at == 1 && args[at] == "help":
		return "", []string{args[0], "--help"}
	}
	moved = append([]string{args[0], args[at]}, args[1:at]...)
	return args[at], append(moved, args[at+1:]...)
}

// isNumber tells the argument -1 from a flag.
func isNumber(a string) bool { return a[1] >= '0' && a[1] <= '9' }

// lookFlag says whether the command has the flag, and whether a value follows it.
func lookFlag(command *cli.Command, name string) (known, wantsValue bool) {
	if name == "help" || name == "h" {
		return true, false
	}
	for _, f := range command.Flags {
		if slices.Contains(f.Names(), name) {
			_, isBool := f.(*cli.BoolFlag)
			return true, !isBool
		}
	}
	return false, false
}

func unknownFlag(command *cli.Command, given string) error {
	var names []string
	for _, f := range command.Flags {
		names = append(names, "--"+f.Names()[0])
	}
	return usagef("%s has no flag --%s%s; see bitmill %s --help", command.Name, given, formats.Suggest(given, names),
		command.Name)
}

func unknownCommand(c *cli.Context) error {
	var names []string
	for _, k := range c.App.Commands {
		names = append(names, k.Name)
	}
	given := c.Args().First()
	return usagef("unknown command %q%s; see bitmill --help", given, formats.Suggest(given, names))
}
