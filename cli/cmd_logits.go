package cli

import (
	"bufio"
	"fmt"
	"math"
	"strconv"
	"strings"

	"github.com/urfave/cli/v2"

	"bitmill/eval/infer"
)

func logitsCommand() *cli.Command {
	needs := arguments(1, 1, "MODEL --tokens 1,2,3", "tokens")
	return &cli.Command{
		Name:      "logits",
		Usage:     "print the logits a model gives after each of some tokens",
		ArgsUsage: "MODEL",
		Flags: []cli.Flag{
			&cli.StringFlag{Name: "tokens", Usage: "token ids, comma-separated"},
			&cli.StringFlag{Name: "kernel", Usage: "force a set of kernels: " + kernelNames()},
			requantizeFlag(), loraFlag(),
		},
		Action: needs.action(func(c *cli.Context, e env, args []string) error {
			var tokens []int32
			for _, s := range strings.Split(c.String("tokens"), ",") {
				id, err := strconv.ParseInt(strings.TrimSpace(s), 10, 32)
				if err != nil || id < 0 {
					return usagef("--tokens: %q is not a token id", s)
				}
				tokens = append(tokens, int32(id))
			}
			return runLogits(e, args[0], tokens, c.String("kernel"))
		}),
	}
}

func runLogits(e env, path string, tokens []int32, kernelName string) error {
	s, err := e.Load(path)
	if err != nil {
		return err
	}
	defer s.Close()
	e.warn(s.Warnings...)
	var o infer.Options
	if o.Kernel, err = kernelFlag(kernelName); err != nil {
		return err
	}
	pool := e.Pool()
	defer pool.Close()
	flat, err := infer.NewRunner(pool, o).Forward(s.Engine, []infer.Sequence{{Tokens: tokens}})
	if err != nil {
		return err
	}
	for _, x := range flat {
		if math.IsNaN(float64(x)) || math.IsInf(float64(x), 0) {
			return fmt.Errorf("%s gives logits that are not finite numbers: its weights or its configuration are "+
				"damaged", path)
		}
	}
	if e.json {
		return e.printJSON(struct {
			Logits [][]float32 `json:"logits"`
		}{rows(flat, s.Config.Vocab)})
	}
	w := bufio.NewWriter(e.stdout)
	for i, row := range rows(flat, s.Config.Vocab) {
		fmt.Fprintf(w, "after token %d (%d):", i, tokens[i])
		for _, v := range row {
			fmt.Fprintf(w, " %g", v)
		}
		fmt.Fprintln(w)
	}
	return w.Flush()
}
