package cli

import (
	"context"
	"fmt"
	"math"
	"time"

	"github.com/urfave/cli/v2"

	"bitmill/eval/infer"
)

type generateOptions struct {
	prompt  string
	chat    bool
	tokens  int
	sampler infer.Sampler
}

func generateCommand() *cli.Command {
	return &cli.Command{
		Name:      "generate",
		Usage:     "let a model continue a text, as a quick test",
		ArgsUsage: "MODEL",
		Flags: []cli.Flag{
			requantizeFlag(), loraFlag(),
			&cli.StringFlag{Name: "prompt", Aliases: []string{"p"}, Usage: "the text to continue"},
			&cli.BoolFlag{Name: "chat",
				Usage: "send the prompt as a user's message, marked up in the style of the model's chat template"},
			&cli.IntFlag{Name: "tokens", Aliases: []string{"n"}, Value: 128, Usage: "how many tokens to generate"},
			&cli.Float64Flag{Name: "temperature", Usage: "0 picks the most probable token"},
			&cli.IntFlag{Name: "top-k", Usage: "choose among the k most probable tokens (0: all)"},
			&cli.Float64Flag{Name: "top-p", Value: 1,
				Usage: "choose among the most probable tokens that together reach p"},
			&cli.Uint64Flag{Name: "seed", Usage: "seed of the random choice"},
		},
		Action: arguments(1, 1, "MODEL --prompt S").action(func(c *cli.Context, e env, args []string) error {
			if x := c.Float64("temperature"); !(x >= 0 && x <= math.MaxFloat64) {
				return usagef("--temperature %v: it must be 0 or more", x)
			}
			if x := c.Float64("top-p"); !(x > 0 && x <= 1) {
				return usagef("--top-p %v: it must lie above 0 and be at most 1", x)
			}
			return runGenerate(c.Context, e, args[0], generateOptions{
				prompt: c.String("prompt"), chat: c.Bool("chat"), tokens: c.Int("tokens"),
				sampler: infer.Sampler{Temperature: c.Float64("temperature"), TopK: c.Int("top-k"),
					TopP: c.Float64("top-p"), Seed: c.Uint64("seed")},
			})
		}),
	}
}

// runGenerate streams the text as it comes; with --json it prints prompt, ids and text at the end. Generation ends at
// a token that ends the text or the turn, or when the context is full.
func runGenerate(ctx context.Context, e env, path string, o generateOptions) error {
	s, err := e.Load(path)
	if err != nil {
		return err
	}
	defer s.Close()
	e.warn(s.Warnings...)
	g, err := newGeneration(ctx, e, s, &o)
	if err != nil {
		return err
	}
	defer g.pool.Close()
	start := time.Now()
	next, err := g.read(ctx)
	if err != nil {
		return err
	}
	read := time.Since(start)
	for len(g.ids) < o.tokens && !g.ends[next] {
		g.take(next)
		if len(g.ids) == o.tokens {
			break
		}
		if next, err = g.forward(ctx, g.ids[len(g.ids)-1:]); err != nil {
			return err
		}
	}
	wrote := time.Since(start) - read
	if !e.json {
		if _, err := fmt.Fprintln(e.stdout); err != nil {
			return err
		}
	}
	if !e.quiet {
		fmt.Fprintf(e.stderr, "generate: prompt of %d tokens at %.1f a second, then %d at %.1f\n", len(g.prompt),
			float64(len(g.prompt))/read.Seconds(), len(g.ids), float64(max(0, len(g.ids)-1))/wrote.Seconds())
	}
	if !e.json {
		return nil
	}
	return e.printJSON(struct {
		Prompt string  `json:"prompt"`
		IDs    []int32 `json:"ids"`
		Text   string  `json:"text"`
	}{o.prompt, g.ids, string(g.text)})
}
