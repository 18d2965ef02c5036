package cli

import (
	"fmt"

	"github.com/urfave/cli/v2"

	"bitmill/cli/pipeline"
	"bitmill/quantize"
	"bitmill/quantize/tune"
)

// methodFlags are the flags of methods and of choosing types, shared by plan, quantize and run.
func methodFlags() []cli.Flag {
	return []cli.Flag{
		&cli.StringFlag{Name: "method", Usage: "how scales and levels are chosen: `METHOD` reference (llama-quantize's " +
			"bytes), feedback (closer to the model at the same size; runs it on the calibration text) or tuned (feedback, then " +
			"moved by gradients; for small models, hours) (default: reference; run: feedback, for models that bitmill can " +
			"evaluate)"},
		&cli.Float64Flag{Name: "damping", Usage: "of --method feedback and tuned: this `SHARE` of the mean squared input is added " +
			"to every column's (default: 0.01, more with fewer than 30 tokens for each column)"},
		&cli.IntFlag{Name: "fit-tokens", Usage: "of --method feedback and tuned: tokens of the text to fit on, evenly spread " +
			"(default: 30 for each column of the widest matrix)"},
		&cli.IntFlag{Name: "starts", Usage: "of --method feedback and tuned: search from up to this `COUNT` of starts, 5 at most, and " +
			"keep the best of every row (default: 1)"},
		&cli.IntFlag{Name: "passes", Usage: fmt.Sprintf("of --method tuned: `COUNT` of passes over the text (default: %d)",
			tune.Passes)},
		&cli.StringFlag{Name: "types", Usage: "`KIND` of types: fixed, those of the format, or chosen for the same " +
			"bytes by the divergence that each type makes in each matrix"},
	}
}

// runMethod reads --method of run: unless it is given, the model decides.
func runMethod(c *cli.Context) (name string, f quantize.Fit, err error) {
	if c.String("method") != "" {
		return method(c)
	}
	if f, err = fit(c); err == nil && f.Passes != 0 {
		err = usagef("--passes is for --method tuned")
	}
	return pipeline.Automatic, f, err
}

// method reads --method with its settings; the empty method is reference.
func method(c *cli.Context) (name string, f quantize.Fit, err error) {
	if f, err = fit(c); err != nil {
		return "", f, err
	}
	if name = c.String("method"); name == quantize.Reference {
		name = ""
	}
	if name == "" {
		if f != (quantize.Fit{}) {
			return "", f, usagef("--damping, --fit-tokens, --starts and --passes are for --method feedback and tuned")
		}
		return "", f, nil
	}
	if err := quantize.CheckMethod(name); err != nil {
		return "", f, usagef("--%w", err)
	}
	if f.Passes != 0 && name != quantize.Tuned {
		return "", f, usagef("--passes is for --method tuned")
	}
	return name, f, nil
}

func fit(c *cli.Context) (f quantize.Fit, err error) {
	f = quantize.Fit{Damping: c.Float64("damping"), Tokens: c.Int("fit-tokens"), Starts: c.Int("starts"),
		Passes: c.Int("passes")}
	if err := f.Check(); err != nil {
		return f, usageError{Err: err}
	}
	return f, nil
}

// types reads --types; empty is fixed.
func types(c *cli.Context) (string, error) {
	switch name := c.String("types"); name {
	case "", "fixed":
		return "", nil
	case quantize.TypesChosen:
		if c.Command.Name != "run" && (c.IsSet("target-bpw") || c.IsSet("target-size")) {
			return "", usagef("--target-bpw and --target-size choose types too: leave out --types")
		}
		return name, nil
	default:
		return "", usagef("--types %q: give fixed or chosen", name)
	}
}
