package cli

import (
	"cmp"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/urfave/cli/v2"

	"bitmill/cli/pipeline"
	"bitmill/eval/report"
	"bitmill/eval/threshold"
)

func thresholdCommand() *cli.Command {
	return &cli.Command{
		Name:      "threshold",
		Usage:     "find where quality breaks, from existing reports",
		ArgsUsage: "REPORT.json...",
		Flags: []cli.Flag{
			&cli.Float64Flag{Name: "kld-budget", Value: pipeline.DefaultKLDBudget,
				Usage: "divergence in nats that the fidelity threshold allows"},
		},
		Action: arguments(1, -1, "REPORT.json...").action(func(c *cli.Context, e env, args []string) error {
			return runThreshold(e, args, threshold.Options{Budget: c.Float64("kld-budget")})
		}),
	}
}

type fidelityRow struct {
	Model  string `json:"model"`
	Family string `json:"family"`
	threshold.Fidelity
}

type kneeRow struct {
	Model string `json:"model"`
	threshold.Knee
}

// thresholdReport is what threshold --json prints.
type thresholdReport struct {
	Fidelity  []fidelityRow        `json:"fidelity"`
	Knees     []kneeRow            `json:"knees"`
	Economy   []threshold.Economy  `json:"economy"`
	Located   []threshold.Location `json:"located"`   // by the runs that searched for them
	Resources []report.Claim       `json:"resources"` // empty when the reports hold none

	claims [][]report.Claim // Resources by model, as Fidelity
}

func runThreshold(e env, paths []string, o threshold.Options) error {
	var reports []*report.Report
	t := thresholdReport{Resources: []report.Claim{}}
	for _, path := range paths {
		r, err := openReport(path)
		if err != nil {
			return err
		}
		if len(r.Models) == 0 {
			return fmt.Errorf("%s: the report holds no models", path)
		}
		reports = append(reports, r)
		for i := range r.Models {
			m := &r.Models[i]
			t.Fidelity = append(t.Fidelity, fidelityRow{m.Name, m.Family, threshold.FitFidelity(m.Points(), o)})
			t.Knees = append(t.Knees, kneeRow{m.Name, threshold.FitKnee(m.Points(), o)})
			t.claims = append(t.claims, m.Claims())
			t.Resources = append(t.Resources, m.Claims()...)
		}
	}
	t.Economy, t.Located = report.Economy(reports, o), report.Located(reports, o)
	if t.Located == nil {
		t.Located = []threshold.Location{}
	}
	if e.json {
		return e.printJSON(t)
	}
	return t.print(e.stdout)
}

// print writes the thresholds family by family, in the order in which they occur.
func (t *thresholdReport) print(w io.Writer) error {
	var families []string
	for _, f := range t.Fidelity {
		if !slices.Contains(families, f.Family) {
			families = append(families, f.Family)
		}
	}
	for i, family := range families {
		if i > 0 {
			fmt.Fprintln(w)
		}
		fmt.Fprintf(w, "family %s\n", printable(cmp.Or(family, "(unnamed)")))
		for k, f := range t.Fidelity {
			if f.Family != family {
				continue
			}
			name := printable(f.Model)
			fmt.Fprintf(w, "%s: fidelity within %g nats: %s. %s\n", name, f.Budget,
				located(f.Status, f.BPW, f.Low, f.High, f.Level), printable(f.Evidence))
			fmt.Fprintf(w, "%s: knee: %s\n", name, printable(t.Knees[k].Evidence))
		}
		for _, x := range t.Economy {
			if x.Family == family {
				against := ""
				if len(x.Smaller) > 0 {
					against = " against " + strings.Join(x.Smaller, ", ")
				}
				fmt.Fprintf(w, "%s: economy: %s. %s\n", printable(x.Larger+against),
					located(x.Status, x.BPW, x.Low, x.High, x.Level), printable(x.Evidence))
			}
		}
		for _, l := range t.Located {
			if l.Family == family {
				fmt.Fprintf(w, "%s: located: %s\n", printable(l.Model), printable(l.Evidence))
			}
		}
		for k, f := range t.Fidelity {
			if f.Family != family {
				continue
			}
			for _, c := range t.claims[k] {
				fmt.Fprintf(w, "%s: resources: %s\n", printable(c.Model), printable(cmp.Or(c.Evidence, c.Reason+".")))
			}
		}
	}
	if len(t.Resources) == 0 {
		fmt.Fprint(w, "\nresources: not measured (bitmill run --bench measures them)\n")
	}
	return nil
}

// located words a threshold: its place and interval where it has them.
func located(status string, bpw, low, high, level float64) string {
	if status != threshold.Located {
		return status
	}
	s := fmt.Sprintf("%.3f BPW", bpw)
	end := func(x float64) string {
		if x == 0 {
			return "open"
		}
		return fmt.Sprintf("%.3f", x)
	}
	return fmt.Sprintf("%s (%g %% interval %s to %s)", s, 100*level, end(low), end(high))
}
