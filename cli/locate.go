package cli

import (
	"slices"
	"strings"

	"github.com/urfave/cli/v2"

	"bitmill/cli/pipeline"
)

// locateNone switches the search off.
const locateNone = "none"

// locateFlags are those of run's search for thresholds.
func locateFlags() []cli.Flag {
	return []cli.Flag{
		&cli.StringFlag{Name: "locate", Value: strings.Join(pipeline.Thresholds(), ","),
			Usage: "`THRESHOLDS` to search for between the formats, with mixes of types that are made for it: fidelity, " +
				"economy (of families of at least two models), both with a comma between them, or none"},
		&cli.BoolFlag{Name: "keep-probes", Usage: "keep the files of the mixes that --locate makes"},
	}
}

// readLocate reads the names of thresholds.
func readLocate(text string) (names []string, err error) {
	if text == locateNone {
		return nil, nil
	}
	for _, name := range commaSeparated([]string{text}) {
		switch {
		case !slices.Contains(pipeline.Thresholds(), name):
			return nil, usagef("--locate %q: give %s, or %s", text, strings.Join(pipeline.Thresholds(), ", "), locateNone)
		case !slices.Contains(names, name):
			names = append(names, name)
		}
	}
	return names, nil
}
