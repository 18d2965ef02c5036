package cli

import (
	"context"
	"fmt"
	"slices"

	"bitmill/cli/pipeline"
	"bitmill/eval/infer"
	"bitmill/eval/kernel"
	"bitmill/formats/tokenizer"
)

// maxGenerated bounds the memory of a model that states no context length.
const maxGenerated = 1 << 16

// loadTokens is the number of tokens from which moving the weights to memory pays off. On two Zen 4 cores it took 36
// tokens of SmolLM2-135M in Q4_1, and 37 tokens of Q2_K and 75 of Q4_K_M with 377 million weights.
const loadTokens = 64

// generation is a text being generated.
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

// newGeneration tokenizes the prompt and allocates a cache for the tokens.
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
			return nil, fmt.Errorf("the prompt has %d tokens, the context of %s is %d: give a shorter one", len(tokens),
				s.Path, most)
		}
		o.tokens = most - len(tokens)
	}
	o.tokens = min(o.tokens, maxGenerated)
	g := &generation{env: e, Model: s, pool: e.Pool(), sampler: &o.sampler, prompt: tokens, ends: endTokens(t)}
	if o.tokens < loadTokens {
		s.Engine.RoundActivations()
	} else if err := e.LoadWeights(ctx, s, g.pool, kernel.Best()); err != nil {
		g.pool.Close()
		return nil, err
	}
	g.runner, g.cache = infer.NewRunner(g.pool, infer.Options{}), s.Engine.NewCache(len(tokens)+o.tokens)
	return g, nil
}

// read processes the prompt and returns the first token of the answer.
func (g *generation) read(ctx context.Context) (next int32, err error) {
	for part := range slices.Chunk(g.prompt, infer.BatchTokens) {
		if next, err = g.forward(ctx, part); err != nil {
			return 0, err
		}
	}
	return next, nil
}

// forward processes tokens and picks the next one.
func (g *generation) forward(ctx context.Context, tokens []int32) (int32, error) {
	if err := ctx.Err(); err != nil {
		return 0, err
	}
	logits, err := g.runner.Forward(g.Engine, []infer.Sequence{{Tokens: tokens, Cache: g.cache,
		LogitsFrom: len(tokens) - 1}})
	if err != nil {
		return 0, err
	}
	if x := logits[0]; x != x {
		return 0, fmt.Errorf("%s gives logits that are not finite numbers: its weights or its configuration are "+
			"damaged", g.Path)
	}
	return g.sampler.Pick(logits), nil
}

// take adds a token and prints its text. The text is what the token adds after the one before it, because some
// vocabularies drop the space at the beginning of a text.
func (g *generation) take(id int32) {
	before := g.prompt[len(g.prompt)-1]
	if n := len(g.ids); n > 0 {
		before = g.ids[n-1]
	}
	g.ids = append(g.ids, id)
	piece := g.Tokenizer.Decode([]int32{before, id})[len(g.Tokenizer.Decode([]int32{before})):]
	g.text = append(g.text, piece...)
	if !g.json {
		plainly(g.stdout).Write(piece)
	}
}
