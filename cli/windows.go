package cli

import (
	"strconv"

	"github.com/urfave/cli/v2"

	"bitmill/cli/pipeline"
)

// windowFlags say how much of a text is evaluated: a fixed number of windows, or as many as it takes.
func windowFlags(goal pipeline.Goal) []cli.Flag {
	return []cli.Flag{
		&cli.StringFlag{Name: "until", Value: goal.String(),
			Usage: "take windows of the text in a random order until `GOAL` is reached: 5% (half width of the interval of " +
				"every KL divergence), or decided (every rule of the budget, the fidelity budget, and which of two neighbours " +
				"in size diverges less)"},
		&cli.StringFlag{Name: "windows", Aliases: []string{"chunks"},
			Usage: "take the first `N` windows of the text, or all, whatever the figures; run calibrates on as many (also --chunks)"},
	}
}

// readWindows reads windowFlags. Zero windows are all.
func readWindows(c *cli.Context) (windows int, goal pipeline.Goal, err error) {
	if !c.IsSet("windows") {
		if text := c.String("until"); text != "" {
			goal, err = pipeline.ParseGoal(text)
		}
		return 0, goal, err
	}
	if c.IsSet("until") {
		return 0, goal, usagef("give --until or --windows, not both")
	}
	text := c.String("windows")
	if text == "all" {
		return 0, goal, nil
	}
	windows, err = strconv.Atoi(text)
	if err != nil || windows < 0 {
		return 0, goal, usagef("--windows %q: give a number of windows, or all", text)
	}
	return windows, goal, nil
}
