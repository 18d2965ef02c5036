package cli

import (
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"

	"github.com/urfave/cli/v2"

	"bitmill/quantize"
)

func completionCommand() *cli.Command {
	return &cli.Command{
		Name:      "completion",
		Usage:     "print what a shell needs to complete commands, flags and formats",
		ArgsUsage: "bash|zsh|fish",
		Action: arguments(1, 1, "bash|zsh|fish").action(func(c *cli.Context, e env, args []string) error {
			switch args[0] {
			case "bash":
				return bashCompletion(e.stdout, c.App)
			case "zsh":
				fmt.Fprint(e.stdout, "autoload -U +X bashcompinit && bashcompinit\n")
				return bashCompletion(e.stdout, c.App)
			case "fish":
				return fishCompletion(e.stdout, c.App)
			}
			return usagef("completion for %q: there is one for bash, zsh and fish", args[0])
		}),
	}
}

func manCommand() *cli.Command {
	return &cli.Command{
		Name:  "man",
		Usage: "print the manual page",
		Action: arguments(0, 0, "").action(func(c *cli.Context, e env, _ []string) error {
			page, err := c.App.ToManWithSection(1)
			if err != nil {
				return err
			}
			_, err = io.WriteString(e.stdout, page)
			return err
		}),
	}
}

// words are the values that a flag may have, where they are few.
func wordsOf(flag string) []string {
	switch flag {
	case "format", "formats":
		var names []string
		for _, f := range quantize.Formats() {
			names = append(names, f.Name)
		}
		return names
	case "method":
		return quantize.Methods()
	case "types":
		return []string{"fixed", quantize.TypesChosen}
	case "activations":
		return []string{"rounded", "float"}
	}
	return nil
}

// typed is a name of a flag as it is typed.
func typed(name string) string {
	if len(name) == 1 {
		return "-" + name
	}
	return "--" + name
}

// bashCompletion prints a function for bash: flags of the command, values of flags that have few, files otherwise.
func bashCompletion(w io.Writer, app *cli.App) error {
	b := &strings.Builder{}
	var commands []string
	values := map[string][]string{} // flags by their values
	flags := &strings.Builder{}
	for _, c := range app.Commands {
		commands = append(commands, c.Name)
		names := []string{"--help"}
		for _, f := range c.Flags {
			for _, n := range f.Names() {
				names = append(names, typed(n))
			}
			if list := strings.Join(wordsOf(f.Names()[0]), " "); list != "" {
				for _, n := range f.Names() {
					if !slices.Contains(values[list], typed(n)) {
						values[list] = append(values[list], typed(n))
					}
				}
			}
		}
		fmt.Fprintf(flags, "    %s) flags=%q ;;\n", c.Name, strings.Join(names, " "))
	}
	fmt.Fprintf(b, "_bitmill() {\n  local cur=${COMP_WORDS[COMP_CWORD]} prev=${COMP_WORDS[COMP_CWORD-1]} flags=--help\n")
	fmt.Fprintf(b, "  COMPREPLY=()\n  if [[ $COMP_CWORD -eq 1 ]]; then\n")
	fmt.Fprintf(b, "    COMPREPLY=($(compgen -W %q -- \"$cur\"))\n    return\n  fi\n", strings.Join(commands, " "))
	fmt.Fprintf(b, "  case ${COMP_WORDS[1]} in\n%s  esac\n  case $prev in\n", flags)
	for _, list := range slices.Sorted(maps.Keys(values)) {
		fmt.Fprintf(b, "    %s) COMPREPLY=($(compgen -W %q -- \"$cur\")); return ;;\n", strings.Join(values[list], "|"), list)
	}
	fmt.Fprintf(b, "  esac\n  if [[ $cur == -* ]]; then\n    COMPREPLY=($(compgen -W \"$flags\" -- \"$cur\"))\n  fi\n}\n")
	fmt.Fprintf(b, "complete -o default -F _bitmill bitmill\n")
	_, err := io.WriteString(w, b.String())
	return err
}

// fishCompletion prints the commands' names and flags as fish wants them.
func fishCompletion(w io.Writer, app *cli.App) error {
	b := &strings.Builder{}
	quote := func(s string) string { return "'" + strings.NewReplacer(`\`, `\\`, "'", `\'`).Replace(s) + "'" }
	for _, c := range app.Commands {
		fmt.Fprintf(b, "complete -c bitmill -n __fish_use_subcommand -f -a %s -d %s\n", c.Name, quote(c.Usage))
		for _, f := range c.Flags {
			fmt.Fprintf(b, "complete -c bitmill -n '__fish_seen_subcommand_from %s'", c.Name)
			for _, n := range f.Names() {
				if len(n) == 1 {
					fmt.Fprintf(b, " -s %s", n)
				} else {
					fmt.Fprintf(b, " -l %s", n)
				}
			}
			_, text := placeholder(f.(cli.DocGenerationFlag).GetUsage())
			if f.(cli.DocGenerationFlag).TakesValue() {
				b.WriteString(" -r")
			}
			if list := wordsOf(f.Names()[0]); list != nil {
				fmt.Fprintf(b, " -f -a %s", quote(strings.Join(list, " ")))
			}
			fmt.Fprintf(b, " -d %s\n", quote(text))
		}
	}
	_, err := io.WriteString(w, b.String())
	return err
}
