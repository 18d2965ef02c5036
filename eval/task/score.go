package task

import (
	"context"
	"fmt"
	"strings"

	"bitmill/eval/infer"
	"bitmill/eval/kernel"
	"bitmill/formats/tokenizer"
)

// Options of Score; the zero value is useful.
type Options struct {
	Kernel    *kernel.Set // nil: the best this machine has
	MaxLogits int         // logits held at a time, in values; 0 means 1<<24
	Progress  func(done, total int64)
}

// Score runs one model over the items. Contexts begin with BOS when the vocabulary adds one, and are cut at the left
// when they are longer than the model's context.
func Score(ctx context.Context, pool *infer.Pool, m *infer.Model, t *tokenizer.Tokenizer, items []Item,
	o Options) ([]Outcome, error) {
	if o.MaxLogits == 0 {
		o.MaxLogits = 1 << 24
	}
	if o.Kernel == nil {
		o.Kernel = kernel.Best()
	}
	s := scorer{model: m, tok: t, o: o, runner: infer.NewRunner(pool, infer.Options{Kernel: o.Kernel}), pool: pool}
	out := make([]Outcome, len(items))
	for i := range items {
		out[i] = Outcome{ID: items[i].ID, Pick: -1, PickNorm: -1, LogP: make([]float64, len(items[i].Choices))}
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		if items[i].Targets != nil {
			if err := s.generate(&out[i], &items[i]); err != nil {
				return nil, fmt.Errorf("item %s: %w", items[i].ID, err)
			}
		}
		for c := range items[i].Choices {
			r, err := s.request(&items[i].Choices[c])
			if err != nil {
				return nil, fmt.Errorf("item %s, choice %d: %w", items[i].ID, c, err)
			}
			r.to = &out[i].LogP[c]
			if err := s.add(r); err != nil {
				return nil, err
			}
		}
		if o.Progress != nil {
			o.Progress(int64(i+1), int64(len(items)))
		}
	}
	if err := s.flush(); err != nil {
		return nil, err
	}
	for i := range items {
		out[i].judge(&items[i])
	}
	return out, nil
}

// judge picks the answers.
func (o *Outcome) judge(item *Item) {
	if item.Targets != nil {
		for _, t := range item.Targets {
			if strings.TrimSpace(o.Text) == strings.TrimSpace(t) {
				o.Correct, o.CorrectNorm = true, true
			}
		}
		return
	}
	o.Pick, o.PickNorm = 0, 0
	each := func(i int) float64 { return o.LogP[i] / float64(item.Choices[i].length()) }
	for i := range o.LogP {
		if o.LogP[i] > o.LogP[o.Pick] {
			o.Pick = i
		}
		if each(i) > each(o.PickNorm) {
			o.PickNorm = i
		}
	}
	o.Correct, o.CorrectNorm = o.Pick == item.Answer, o.PickNorm == item.Answer
}

// request is one continuation to score: tokens[from:] are its own.
type request struct {
	tokens []int32
	from   int
	to     *float64
}

type scorer struct {
	model  *infer.Model
	tok    *tokenizer.Tokenizer
	o      Options
	pool   *infer.Pool
	runner *infer.Runner

	waiting      []request
	tokens, rows int
}

// request tokenizes context and continuation together, as text is read; as many tokens as the context alone has are the
// context. Spaces at its end belong to the continuation.
func (s *scorer) request(c *Choice) (request, error) {
	trimmed := strings.TrimRight(c.Context, " \t\n")
	whole := s.tok.Encode(c.Context+c.Continuation, tokenizer.Options{})
	from := len(s.tok.Encode(trimmed, tokenizer.Options{}))
	if s.tok.AddEOS && len(whole) > 0 {
		whole, from = whole[:len(whole)-1], from-1
	}
	if from == 0 { // nothing to condition on: the end of text stands before it
		if s.tok.EOS < 0 {
			return request{}, fmt.Errorf("the context is empty and the vocabulary has no end-of-text token to stand for it")
		}
		whole, from = append([]int32{s.tok.EOS}, whole...), 1
	}
	if from >= len(whole) {
		from = len(whole) - 1 // the continuation merged with the last token of the context
	}
	if from < 1 {
		return request{}, fmt.Errorf("context and continuation make %d tokens: nothing to score", len(whole))
	}
	if most := s.model.Config.Context; most > 0 && len(whole) > most+1 {
		cut := len(whole) - most - 1
		if cut >= from {
			return request{}, fmt.Errorf("the continuation has %d tokens, the model's context %d", len(whole)-from, most)
		}
		whole, from = whole[cut:], from-cut
	}
	return request{tokens: whole, from: from}, nil
}

// add queues a request; when it does not fit into the batch, the waiting ones run first.
func (s *scorer) add(r request) error {
	rows := len(r.tokens) - r.from
	full := s.tokens+len(r.tokens) > infer.BatchTokens || (s.rows+rows)*s.model.Config.Vocab > s.o.MaxLogits
	if len(s.waiting) > 0 && full {
		if err := s.flush(); err != nil {
			return err
		}
	}
	s.waiting = append(s.waiting, r)
	s.tokens += len(r.tokens)
	s.rows += rows
	return nil
}

func (s *scorer) flush() error {
	if len(s.waiting) == 0 {
		return nil
	}
	seqs := make([]infer.Sequence, len(s.waiting))
	first := make([]int, len(s.waiting)) // row of each request's first logits
	rows := 0
	for i, r := range s.waiting {
		seqs[i] = infer.Sequence{Tokens: r.tokens[:len(r.tokens)-1], LogitsFrom: r.from - 1}
		first[i] = rows
		rows += len(r.tokens) - r.from
	}
	logits, err := s.runner.Forward(s.model, seqs)
	if err != nil {
		return err
	}
	vocab := s.model.Config.Vocab
	s.pool.Run(len(s.waiting), func(_, i int) {
		r := s.waiting[i]
		sum := 0.0
		for j, token := range r.tokens[r.from:] {
			row := logits[(first[i]+j)*vocab:][:vocab]
			sum += float64(row[token]) - s.o.Kernel.LogSumExp(row)
		}
		*r.to = sum
	})
	for i := range s.waiting {
		if x := *s.waiting[i].to; x != x {
			return fmt.Errorf("the logits are not finite numbers: the weights or the configuration are damaged")
		}
	}
	s.waiting, s.tokens, s.rows = s.waiting[:0], 0, 0
	return nil
}

// generate continues the prompt greedily.
func (s *scorer) generate(out *Outcome, item *Item) error {
	next := s.tok.Encode(item.Prompt, tokenizer.Options{ParseSpecial: true})
	if s.tok.AddEOS && len(next) > 0 {
		next = next[:len(next)-1]
	}
	most := item.Most
	if c := s.model.Config.Context; c > 0 {
		most = min(most, c/2)
		next = next[max(0, len(next)+most-c):]
	}
	if len(next) == 0 {
		return fmt.Errorf("the prompt makes no tokens")
	}
	cache := s.model.NewCache(len(next) + most)
	var ids []int32
	for len(ids) < most {
		logits, err := s.runner.Forward(s.model, []infer.Sequence{{Tokens: next, Cache: cache, LogitsFrom: len(next) - 1}})
		if err != nil {
			return err
		}
		id := infer.Argmax(logits)
		if id == s.tok.EOS {
			break
		}
		ids = append(ids, id)
		next = ids[len(ids)-1:]
		text := string(s.tok.Decode(ids))
		if at := firstOf(text, item.Stop); at >= 0 {
			out.Text = text[:at]
			return nil
		}
	}
	out.Text = string(s.tok.Decode(ids))
	return nil
}

// firstOf is the place of the earliest of the stops, -1 without one.
func firstOf(text string, stops []string) int {
	first := -1
	for _, stop := range stops {
		if at := strings.Index(text, stop); stop != "" && at >= 0 && (first < 0 || at < first) {
			first = at
		}
	}
	return first
}
