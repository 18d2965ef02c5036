package cli

import (
	"context"
	"fmt"

	"github.com/urfave/cli/v2"

	"bitmill/eval/infer"
	"bitmill/formats/tokenizer"
)

type generateOptions struct {
	prompt  string
	tokens  int
	sampler infer.Sampler
}

func generateCommand() *cli.Command {
	return &cli.Command{
		Name:      "generate",
		Usage:     "let a model continue a text: a smoke test that it talks",
		ArgsUsage: "MODEL",
		Flags: []cli.Flag{
			&cli.StringFlag{Name: "prompt", Aliases: []string{"p"}, Usage: "the text to continue"},
			&cli.IntFlag{Name: "tokens", Aliases: []string{"n"}, Value: 128, Usage: "how many tokens to generate"},
			&cli.Float64Flag{Name: "temperature", Usage: "0 picks the most probable token"},
			&cli.IntFlag{Name: "top-k", Usage: "choose among the k most probable tokens (0: all)"},
			&cli.Float64Flag{Name: "top-p", Value: 1, Usage: "choose among the most probable tokens that together reach p"},
			&cli.Uint64Flag{Name: "seed", Usage: "seed of the random choice"},
		},
		Action: func(c *cli.Context) error {
			args, err := arguments(c, 1, 1, "MODEL --prompt S")
			if err != nil {
				return err
			}
			return runGenerate(c.Context, newEnv(c), args[0], generateOptions{
				prompt: c.String("prompt"), tokens: c.Int("tokens"),
				sampler: infer.Sampler{Temperature: c.Float64("temperature"), TopK: c.Int("top-k"), TopP: c.Float64("top-p"), Seed: c.Uint64("seed")},
			})
		},
	}
}

// runGenerate streams the text as it comes; with --json it prints prompt, ids and text at the end. Generation ends at
// the model's end-of-text token or when the context is full.
func runGenerate(ctx context.Context, e env, path string, o generateOptions) error {
	s, err := openSubject(path)
	if err != nil {
		return err
	}
	defer s.Close()
	if s.Tokenizer == nil {
		return fmt.Errorf("%s cannot read text: %w", path, s.TokenizerErr)
	}
	tokens := s.Tokenizer.Encode(o.prompt, tokenizer.Options{ParseSpecial: true})
	if len(tokens) == 0 {
		return usagef("the prompt is empty and the vocabulary adds no BOS token: give --prompt")
	}
	pool := e.pool()
	defer pool.Close()
	runner := infer.NewRunner(pool, infer.Options{})
	cache := s.model.NewCache(len(tokens) + o.tokens)
	var ids []int32
	for next := tokens; len(ids) < o.tokens; {
		if err := ctx.Err(); err != nil {
			return err
		}
		logits, err := runner.Forward(s.model, []infer.Sequence{{Tokens: next, Cache: cache, LogitsFrom: len(next) - 1}})
		if err != nil {
			return err
		}
		id := o.sampler.Pick(logits)
		if id == s.Tokenizer.EOS {
			break
		}
		ids = append(ids, id)
		next = []int32{id}
		if !e.json {
			fmt.Fprintf(e.stdout, "%s", s.Tokenizer.Decode(next))
		}
	}
	if !e.json {
		_, err = fmt.Fprintln(e.stdout)
		return err
	}
	return e.printJSON(struct {
		Prompt string  `json:"prompt"`
		IDs    []int32 `json:"ids"`
		Text   string  `json:"text"`
	}{o.prompt, ids, string(s.Tokenizer.Decode(ids))})
}
