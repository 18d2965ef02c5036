package cli

import (
	"strconv"
	"strings"

	"github.com/urfave/cli/v2"

	"bitmill/quantize"
)

// targetHelp explains --target-bpw and --target-size.
const targetHelp = `With --target-bpw or --target-size the types are chosen by measurement: some rows of every matrix
are encoded as each type, with the importance weights if there are any (then the IQ1, IQ2, IQ3 and IQ4_XS types are tried
too), what errors in each matrix do to the next token is measured on the text of --calibration (without one, a table of
their roles stands in), and the bytes go where they remove the most divergence. --format then only names the
recipe that the metadata record (default: the headline format nearest in size). Types given by --tensor-type and the like stay.`

// readTarget reads the target size; the zero Target means none.
func readTarget(c *cli.Context) (t quantize.Target, err error) {
	switch bits, size := c.IsSet("target-bpw"), c.IsSet("target-size"); {
	case bits && size:
		return t, usagef("give --target-bpw or --target-size, not both")
	case bits:
		t.BPW, err = parseBPW(c.String("target-bpw"))
	case size:
		t.Bytes, err = parseSize("--target-size", c.String("target-size"))
	}
	return t, err
}

// parseBPW reads bits per weight of a flag.
func parseBPW(text string) (float64, error) {
	x, err := strconv.ParseFloat(text, 64)
	if err != nil || !(x > 0 && x <= 64) {
		return 0, usagef("--target-bpw %q: give a number of bits per weight such as 4.5", text)
	}
	return x, nil
}

// targetFlags name the sizes of mixes that run makes beside the formats.
func targetFlags() []cli.Flag {
	return []cli.Flag{
		&cli.StringSliceFlag{Name: "target-bpw",
			Usage: "also make a mix of types with at most this `NUMBER` of bits per weight, e.g. 3.25; may be repeated"},
		&cli.StringSliceFlag{Name: "target-size",
			Usage: "also make a mix of types whose file takes at most this `SIZE`, e.g. 8GiB; may be repeated"},
	}
}

// readTargets reads targetFlags; commas separate sizes too.
func readTargets(c *cli.Context) (list []quantize.Target, err error) {
	for _, text := range commaSeparated(c.StringSlice("target-bpw")) {
		x, err := parseBPW(text)
		if err != nil {
			return nil, err
		}
		list = append(list, quantize.Target{BPW: x})
	}
	for _, text := range commaSeparated(c.StringSlice("target-size")) {
		n, err := parseSize("--target-size", text)
		if err != nil {
			return nil, err
		}
		list = append(list, quantize.Target{Bytes: n})
	}
	return list, nil
}

// commaSeparated are the values of a flag that may be repeated, each a list.
func commaSeparated(lists []string) (values []string) {
	for _, list := range lists {
		for value := range strings.SplitSeq(list, ",") {
			values = append(values, strings.TrimSpace(value))
		}
	}
	return values
}
