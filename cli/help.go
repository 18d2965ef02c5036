package cli

import (
	"fmt"
	"io"
	"os"
	"slices"
	"strconv"
	"strings"

	"github.com/urfave/cli/v2"
	"golang.org/x/term"

	"bitmill/formats"
)

// helpWidth is where help wraps when its output is not a terminal.
const helpWidth = 100

// widthOf is how many columns there are: of the terminal, or as COLUMNS says.
func widthOf(w io.Writer) int {
	if n, err := strconv.Atoi(os.Getenv("COLUMNS")); err == nil && n >= 40 {
		return n
	}
	if f, ok := behind(w).(*os.File); ok {
		if n, _, err := term.GetSize(int(f.Fd())); err == nil && n >= 40 {
			return min(n, 120)
		}
	}
	return helpWidth
}

// helpAsked returns the command whose help the arguments ask for, wherever they do; nil for none.
func helpAsked(app *cli.App, args []string) *cli.Command {
	if len(args) < 2 {
		return nil
	}
	command := app.Command(args[1])
	if command == nil {
		return nil
	}
	for _, a := range args[2:] {
		switch a {
		case "--":
			return nil
		case "--help", "-help", "-h":
			return command
		}
	}
	return nil
}

// printHelp prints the help of a command: what it does, two examples, and its flags in groups.
func printHelp(w io.Writer, c *cli.Command, width int) error {
	b := &strings.Builder{}
	fmt.Fprintf(b, "%s\n\n", strings.Join(formats.Wrap("bitmill "+c.Name+": "+c.Usage, width, ""), "\n"))
	fmt.Fprintf(b, "usage: bitmill %s %s\n", c.Name, strings.TrimSpace(c.ArgsUsage+" [flags]"))
	for _, p := range strings.Split(c.Description, "\n\n") {
		switch {
		case strings.HasPrefix(p, "  "): // lines of a file
			fmt.Fprintf(b, "\n%s\n", p)
		case strings.TrimSpace(p) != "":
			fmt.Fprintf(b, "\n%s\n", strings.Join(formats.Wrap(p, width, ""), "\n"))
		}
	}
	if list := examples[c.Name]; len(list) > 0 {
		fmt.Fprintln(b, "\nexamples:")
		for _, e := range list {
			fmt.Fprintf(b, "  %s\n", e)
		}
	}
	for _, g := range groupsOf(c) {
		fmt.Fprintf(b, "\n%s:\n", g.title)
		for _, f := range g.flags {
			printFlag(b, f, width)
		}
	}
	_, err := io.WriteString(w, b.String())
	return err
}

// flagColumn is where the texts of flags begin.
const flagColumn = 30

// printFlag prints a flag in one form, with its text beside it.
func printFlag(b *strings.Builder, f cli.Flag, width int) {
	names, text := flagForm(f)
	lines := formats.Wrap(text, max(width-flagColumn, 24), "")
	if len(names) > flagColumn-2 {
		fmt.Fprintln(b, names)
		names = ""
	}
	for _, l := range lines {
		fmt.Fprintf(b, "%-*s%s\n", flagColumn, names, l)
		names = ""
	}
}

// flagForm is a flag as it is typed, "  -o, --output DIR", and its text with the default.
func flagForm(f cli.Flag) (names, text string) {
	switch long := f.Names(); {
	case len(long[0]) == 1:
		names = "  -" + long[0]
	case len(long) > 1 && len(long[1]) == 1:
		names = "  -" + long[1] + ", --" + long[0]
	default:
		names = "      --" + long[0]
	}
	d, ok := f.(cli.DocGenerationFlag)
	if !ok {
		return names, ""
	}
	value, text := placeholder(d.GetUsage())
	if d.TakesValue() {
		if value == "" {
			value = "N"
		}
		names += " " + value
	}
	if v := d.GetDefaultText(); d.TakesValue() && v != "" && v != "0" && v != `""` && !strings.Contains(text, "(default") {
		text += " (default: " + strings.Trim(v, `"`) + ")"
	}
	return names, text
}

// placeholder takes the name of a flag's value, which stands in backquotes, out of its text.
func placeholder(usage string) (name, text string) {
	before, rest, ok := strings.Cut(usage, "`")
	name, after, closed := strings.Cut(rest, "`")
	if !ok || !closed {
		return "", usage
	}
	return name, before + name + after
}

// flagGroup is a title with flags.
type flagGroup struct {
	title string
	flags []cli.Flag
}

// groupsOf sorts the flags of a command into flagTitles; those of a short list stay together.
func groupsOf(c *cli.Command) (list []flagGroup) {
	byTitle := map[string][]cli.Flag{}
	own := 0
	for _, f := range c.Flags {
		title := titleOf(f.Names()[0])
		if title != commonTitle {
			own++
		}
		byTitle[title] = append(byTitle[title], f)
	}
	if own <= 8 {
		list = append(list, flagGroup{otherTitle, slices.DeleteFunc(slices.Clone(c.Flags),
			func(f cli.Flag) bool { return titleOf(f.Names()[0]) == commonTitle })})
		if own == 0 {
			list = nil
		}
		return append(list, flagGroup{commonTitle, byTitle[commonTitle]})
	}
	for _, t := range flagTitles {
		if flags := byTitle[t.title]; len(flags) > 0 {
			list = append(list, flagGroup{t.title, flags})
		}
	}
	return list
}
