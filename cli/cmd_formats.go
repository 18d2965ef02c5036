package cli

import (
	"fmt"
	"slices"
	"strings"

	"github.com/urfave/cli/v2"

	"bitmill/formats"
	"bitmill/quantize"
)

func formatsCommand() *cli.Command {
	return &cli.Command{
		Name:  "formats",
		Usage: "list the formats: bits, whether an importance matrix is needed, and what each is for",
		Description: "Bits are those of the format's default type; bitmill plan states a model's exactly. " +
			"A * marks the seven that run makes by default.",
		Action: arguments(0, 0, "").action(func(c *cli.Context, e env, _ []string) error {
			var rows []formatRow
			for i := range quantize.Formats() {
				f := &quantize.Formats()[i]
				n := f.Note()
				rows = append(rows, formatRow{f.Name, f.Bits(), f.Default.String(), f.Imatrix(), n.Use, n.Text,
					slices.Contains(quantize.Headline(), f.Name)})
			}
			if e.json {
				return e.printJSON(rows)
			}
			return printFormats(e, rows)
		}),
	}
}

// formatRow is a format for people.
type formatRow struct {
	Name     string  `json:"name"`
	Bits     float64 `json:"bits"`
	Type     string  `json:"default_type"`
	Imatrix  string  `json:"imatrix"`
	Use      string  `json:"use"`
	Text     string  `json:"text"`
	Headline bool    `json:"headline"`
}

func printFormats(e env, rows []formatRow) error {
	const line = "%-11s %6s  %-8s %-15s "
	head := fmt.Sprintf(line, "format", "bits", "imatrix", "use")
	width := max(widthOf(e.stdout)-len(head), 24)
	fmt.Fprintln(e.stdout, strings.TrimSpace(head))
	for _, r := range rows {
		name := r.Name
		if r.Headline {
			name += " *"
		}
		first := fmt.Sprintf(line, name, fmt.Sprintf("%.4g", r.Bits), r.Imatrix, r.Use)
		for i, text := range formats.Wrap(r.Text, width, "") {
			if i > 0 {
				first = ""
			}
			if _, err := fmt.Fprintf(e.stdout, "%-*s%s\n", len(head), first, text); err != nil {
				return err
			}
		}
	}
	return nil
}
