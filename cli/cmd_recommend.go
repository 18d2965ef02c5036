package cli

import (
	"fmt"
	"math"
	"path/filepath"
	"text/tabwriter"

	"github.com/urfave/cli/v2"

	"bitmill/eval/paired"
	"bitmill/eval/pareto"
	"bitmill/eval/report"
	"bitmill/formats"
)

func recommendCommand() *cli.Command {
	needs := arguments(1, -1, "REPORT.json... --ram SIZE|--max-kld X")
	return &cli.Command{
		Name:      "recommend",
		Usage:     "choose the file to take within a limit of memory or divergence",
		ArgsUsage: "REPORT.json...",
		Description: "With --ram it takes of each model the smallest file that is not worse, beyond the error, than the " +
			"best whose file and keys and values (16 bits, --context tokens) fit. With --max-kld alone it takes the smallest " +
			"within that divergence from its source. The model that predicts best comes first.",
		Flags: []cli.Flag{
			&cli.StringFlag{Name: "ram", Usage: "available memory: a `SIZE` such as 8GiB"},
			&cli.Float64Flag{Name: "max-kld", Usage: "the largest divergence allowed, in nats"},
			&cli.IntFlag{Name: "context", Value: 4096, Usage: "tokens whose keys and values count as memory"},
		},
		Action: needs.action(func(c *cli.Context, e env, args []string) (err error) {
			l := pareto.Limits{KLD: c.Float64("max-kld"), Context: c.Int("context")}
			if c.String("ram") == "" && !c.IsSet("max-kld") {
				return usagef("recommend needs --ram SIZE, --max-kld X, or both")
			}
			if s := c.String("ram"); s != "" {
				if l.Memory, err = parseSize("--ram", s); err != nil {
					return err
				}
			}
			return runRecommend(e, args, l)
		}),
	}
}

func runRecommend(e env, paths []string, l pareto.Limits) error {
	var all []pareto.Candidate
	var o paired.Options
	for _, path := range paths {
		r, err := openReport(path)
		if err != nil {
			return err
		}
		o.Looks = o.Looks || report.Looks(r)
		list := report.Candidates([]*report.Report{r})
		for i := range list {
			if p := &list[i].Path; *p != "" {
				*p = filepath.Join(filepath.Dir(path), filepath.FromSlash(*p))
			}
		}
		all = append(all, list...)
	}
	choice, err := pareto.Choose(all, l, o)
	if err != nil {
		return err
	}
	if e.json {
		err = e.printJSON(struct {
			*pareto.Choice
			Command string `json:"command,omitempty"`
		}{choice, serverCommand(choice.Best)})
	} else {
		err = printChoice(e, choice)
	}
	if err != nil {
		return err
	}
	if choice.Best == nil {
		return incompleteError{fmt.Errorf("no artifact fits")}
	}
	return nil
}

// serverCommand runs a file; "" without one.
func serverCommand(c *pareto.Candidate) string {
	if c == nil || c.Path == "" {
		return ""
	}
	words := []string{"llama-server", "-m", c.Path}
	if c.Context > 0 {
		words = append(words, "-c", fmt.Sprint(c.Context))
	}
	return formats.ShellWords(words...)
}

func printChoice(e env, choice *pareto.Choice) error {
	for _, a := range choice.Answers {
		fmt.Fprintln(e.stdout, printable(a.Reason))
		if command := serverCommand(a.Take); command != "" {
			fmt.Fprintf(e.stdout, "  %s\n", printable(command))
		}
	}
	fmt.Fprintln(e.stdout)
	w := tabwriter.NewWriter(e.stdout, 0, 0, 2, ' ', tabwriter.AlignRight)
	fmt.Fprint(w, "model\tformat\tsize\tmemory\tbits per byte\tKLD\tfits\t  dominated by\n")
	for i := range choice.Candidates {
		c := &choice.Candidates[i]
		kld := "-"
		if !math.IsNaN(c.KLD) {
			kld = fmt.Sprintf("%.4g", c.KLD)
		}
		fmt.Fprintf(w, "%s\t%s\t%s\t%s\t%.4f\t%s\t%s\t  %s\n", printable(c.Model), printable(c.Format),
			formats.Size(c.FileBytes), formats.Size(c.Memory), c.Loss, kld, fits(choice, c), printable(c.Dominated))
	}
	return w.Flush()
}

// fits says whether a candidate fits, or is to be taken.
func fits(choice *pareto.Choice, c *pareto.Candidate) string {
	for _, a := range choice.Answers {
		switch c {
		case a.Take:
			return "take"
		case a.Nearest:
			return "best"
		}
	}
	if c.Fits {
		return "yes"
	}
	return "no"
}
