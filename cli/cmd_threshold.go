package cli

import (
	"fmt"
	"os"

	"github.com/urfave/cli/v2"

	"bitmill/eval/report"
	"bitmill/eval/threshold"
)

func thresholdCommand() *cli.Command {
	return &cli.Command{
		Name:      "threshold",
		Usage:     "where quality breaks, from reports already written",
		ArgsUsage: "REPORT.json...",
		Flags: []cli.Flag{
			&cli.Float64Flag{Name: "kld-budget", Value: 0.1, Usage: "divergence in nats that the fidelity threshold allows"},
		},
		Action: func(c *cli.Context) error {
			args, err := arguments(c, 1, -1, "REPORT.json...")
			if err != nil {
				return err
			}
			return runThreshold(newEnv(c), args, threshold.Options{Budget: c.Float64("kld-budget")})
		},
	}
}

type fidelityRow struct {
	Model string `json:"model"`
	threshold.Fidelity
}

func runThreshold(e env, paths []string, o threshold.Options) error {
	var reports []*report.Report
	var fidelity []fidelityRow
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
			fidelity = append(fidelity, fidelityRow{r.Models[i].Name, threshold.FitFidelity(r.Models[i].Points(), o)})
		}
	}
	economy := report.Economy(reports, o)
	if e.json {
		return e.printJSON(struct {
			Fidelity []fidelityRow       `json:"fidelity"`
			Economy  []threshold.Economy `json:"economy"`
		}{fidelity, economy})
	}
	for _, f := range fidelity {
		fmt.Fprintf(e.stdout, "%s: fidelity within %g nats: %s. %s\n", f.Model, f.Budget, f.Status, f.Evidence)
	}
	for _, x := range economy {
		fmt.Fprintf(e.stdout, "%s against %v: economy: %s. %s\n", x.Larger, x.Smaller, x.Status, x.Evidence)
	}
	return nil
}

func openReport(path string) (*report.Report, error) {
	if st, err := os.Stat(path); err == nil && st.IsDir() {
		return nil, fmt.Errorf("%s is a folder: name the report.json in it", path)
	}
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	r, err := report.ReadJSON(f)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	return r, nil
}
