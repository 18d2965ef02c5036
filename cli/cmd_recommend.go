package cli

import (
	"fmt"
	"math"
	"text/tabwriter"

	"github.com/urfave/cli/v2"

	"bitmill/eval/paired"
	"bitmill/eval/pareto"
	"bitmill/eval/report"
)

func recommendCommand() *cli.Command {
	needs := arguments(1, -1, "REPORT.json... --ram SIZE|--max-kld X")
	return &cli.Command{
		Name:      "recommend",
		Usage:     "choose the best artifact within a limit of memory or divergence",
		ArgsUsage: "REPORT.json...",
		Description: "With --ram it takes the artifact with the lowest loss whose file and keys and values " +
			"(16 bits, --context tokens) fit, and names a smaller one that is not worse beyond the error. " +
			"With --max-kld alone it takes the smallest within that divergence from its source.",
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
	var reports []*report.Report
	for _, path := range paths {
		r, err := openReport(path)
		if err != nil {
			return err
		}
		reports = append(reports, r)
	}
	choice, err := pareto.Choose(report.Candidates(reports), l, paired.Options{})
	if err != nil {
		return err
	}
	if e.json {
		if err := e.printJSON(choice); err != nil {
			return err
		}
	} else if err := printChoice(e, choice); err != nil {
		return err
	}
	if choice.Best == nil {
		return incompleteError{fmt.Errorf("no artifact fits")}
	}
	return nil
}

func printChoice(e env, choice *pareto.Choice) error {
	fmt.Fprintf(e.stdout, "%s\n\n", printable(choice.Reason))
	w := tabwriter.NewWriter(e.stdout, 0, 0, 2, ' ', tabwriter.AlignRight)
	fmt.Fprint(w, "model\tformat\tbytes\tmemory\tbits per byte\tKLD\tfits\t  dominated by\n")
	for i := range choice.Candidates {
		c := &choice.Candidates[i]
		fits := "no"
		switch {
		case c == choice.Best:
			fits = "best"
		case c == choice.Smaller:
			fits = "smaller"
		case c.Fits:
			fits = "yes"
		}
		kld := "-"
		if !math.IsNaN(c.KLD) {
			kld = fmt.Sprintf("%.4g", c.KLD)
		}
		fmt.Fprintf(w, "%s\t%s\t%d\t%d\t%.4f\t%s\t%s\t  %s\n", printable(c.Model), printable(c.Format), c.FileBytes,
			c.Memory, c.Loss, kld, fits, printable(c.Dominated))
	}
	return w.Flush()
}
