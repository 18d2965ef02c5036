package cli

import (
	"context"
	"fmt"
	"math"

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
			if n := c.Int("tokens"); n < 0 {
				return usagef("--tokens %d: it must not be negative", n)
			}
			if k := c.Int("top-k"); k < 0 {
				return usagef("--top-k %d: it must not be negative", k)
			}
			if x := c.Float64("temperature"); !(x >= 0 && x <= math.MaxFloat64) {
				return usagef("--temperature %v: it must be 0 or more", x)
			}
			if x := c.Float64("top-p"); !(x > 0 && x <= 1) {
				return usagef("--top-p %v: it must lie above 0 and be at most 1", x)
			}
			return runGenerate(c.Context, newEnv(c), args[0], generateOptions{
				prompt: c.String("prompt"), tokens: c.Int("tokens"),
				sampler: infer.Sampler{Temperature: c.Float64("temperature"), TopK: c.Int("top-k"), TopP: c.Float64("top-p"), Seed: c.Uint64("seed")},
			})
		},
	}
}

// maxGenerated bounds the memory of a model that states no context length.
const maxGenerated = 1 << 16

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
	if most := s.Config.Context; most > 0 && len(tokens)+o.tokens > most {
		if len(tokens) > most {
			return fmt.Errorf("the prompt has %d tokens, the context of %s is %d: give a shorter one", len(tokens), path, most)
		}
		o.tokens = most - len(tokens)
	}
	o.tokens = min(o.tokens, maxGenerated)
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
		if x := logits[0]; x != x {
			return fmt.Errorf("%s gives logits that are not finite numbers: its weights or its configuration are damaged", path)
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
