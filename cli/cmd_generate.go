package cli

import (
	"context"
	"fmt"
	"math"
	"slices"
	"time"

	"github.com/urfave/cli/v2"

	"bitmill/cli/pipeline"
	"bitmill/eval/infer"
	"bitmill/eval/kernel"
	"bitmill/formats/tokenizer"
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
		Usage:     "let a model continue a text: a smoke test that it talks",
		ArgsUsage: "MODEL",
		Flags: []cli.Flag{
			requantizeFlag(), loraFlag(),
			&cli.StringFlag{Name: "prompt", Aliases: []string{"p"}, Usage: "the text to continue"},
			&cli.BoolFlag{Name: "chat", Usage: "put the prompt as a user's message to an assistant, in the style of the model's chat template"},
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
				prompt: c.String("prompt"), chat: c.Bool("chat"), tokens: c.Int("tokens"),
				sampler: infer.Sampler{Temperature: c.Float64("temperature"), TopK: c.Int("top-k"), TopP: c.Float64("top-p"), Seed: c.Uint64("seed")},
			})
		},
	}
}

// maxGenerated bounds the memory of a model that states no context length.
const maxGenerated = 1 << 16

// settleTokens is from how many tokens on moving the weights to memory pays. On two Zen 4 cores it was worth it after 36
// tokens of SmolLM2-135M in Q4_1, and after 37 of Q2_K and 75 of Q4_K_M with 377 million weights.
const settleTokens = 64

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

// generation is a text under way.
type generation struct {
	env
	*pipeline.Model
	pool    *infer.Pool
	runner  *infer.Runner
	cache   *infer.Cache
	sampler *infer.Sampler
	prompt  []int32
	ids     []int32
	text    []byte
	ends    map[int32]bool // tokens that end it
}

// newGeneration tokenizes the prompt and makes room for as many tokens as the context has.
func newGeneration(ctx context.Context, e env, s *pipeline.Model, o *generateOptions) (*generation, error) {
	if s.Tokenizer == nil {
		return nil, fmt.Errorf("%s cannot read text: %w", s.Path, s.TokenizerErr)
	}
	text := o.prompt
	if o.chat {
		var err error
		if text, err = chatPrompt(s.Checkpoint, text); err != nil {
			return nil, err
		}
	}
	t := s.Tokenizer
	tokens := t.Encode(text, tokenizer.Options{ParseSpecial: true})
	if n := len(tokens); t.AddEOS && n > 0 && tokens[n-1] == t.EOS {
		tokens = tokens[:n-1] // the text goes on
	}
	if t.AddBOS && len(tokens) > 1 && tokens[0] == t.BOS && tokens[1] == t.BOS {
		tokens = tokens[1:] // the prompt has one of its own
	}
	if len(tokens) == 0 {
		return nil, usagef("the prompt is empty and the vocabulary adds no BOS token: give --prompt")
	}
	if most := s.Config.Context; most > 0 && len(tokens)+o.tokens > most {
		if len(tokens) > most {
			return nil, fmt.Errorf("the prompt has %d tokens, the context of %s is %d: give a shorter one", len(tokens), s.Path, most)
		}
		o.tokens = most - len(tokens)
	}
	o.tokens = min(o.tokens, maxGenerated)
	g := &generation{env: e, Model: s, pool: e.Pool(), sampler: &o.sampler, prompt: tokens, ends: endTokens(t)}
	if o.tokens < settleTokens {
		s.Engine.RoundActivations()
	} else if err := e.LoadWeights(ctx, s, g.pool, kernel.Best()); err != nil {
		g.pool.Close()
		return nil, err
	}
	g.runner, g.cache = infer.NewRunner(g.pool, infer.Options{}), s.Engine.NewCache(len(tokens)+o.tokens)
	return g, nil
}

// read takes in the prompt and returns the first token of the answer.
func (g *generation) read(ctx context.Context) (next int32, err error) {
	for part := range slices.Chunk(g.prompt, infer.BatchTokens) {
		if next, err = g.forward(ctx, part); err != nil {
			return 0, err
		}
	}
	return next, nil
}

// forward takes in tokens and picks the one after them.
func (g *generation) forward(ctx context.Context, tokens []int32) (int32, error) {
	if err := ctx.Err(); err != nil {
		return 0, err
	}
	logits, err := g.runner.Forward(g.Engine, []infer.Sequence{{Tokens: tokens, Cache: g.cache, LogitsFrom: len(tokens) - 1}})
	if err != nil {
		return 0, err
	}
	if x := logits[0]; x != x {
		return 0, fmt.Errorf("%s gives logits that are not finite numbers: its weights or its configuration are damaged", g.Path)
	}
	return g.sampler.Pick(logits), nil
}

// take adds a token and prints its text: what it adds to that of the token before, as some vocabularies drop the space
// at the beginning of a text.
func (g *generation) take(id int32) {
	before := g.prompt[len(g.prompt)-1]
	if n := len(g.ids); n > 0 {
		before = g.ids[n-1]
	}
	g.ids = append(g.ids, id)
	piece := g.Tokenizer.Decode([]int32{before, id})[len(g.Tokenizer.Decode([]int32{before})):]
	g.text = append(g.text, piece...)
	if !g.json {
		fmt.Fprintf(g.stdout, "%s", piece)
	}
}
