package pipeline

import "bitmill/formats/tokenizer"

// forecastTasks adds the steps of asking questions.
func (j *job) forecastTasks(f *Forecast, r *rates) {
	c := j.source.Config
	for _, t := range j.texts.tasks {
		read, scored, generated := j.taskTokens(t)
		add := func(format string, p pass, bytes int64) {
			seconds := r.tokens(read, p, c.Layers) + r.logits(scored, p, c.Vocab) + float64(generated)*readTime(bytes)
			f.add(askTitle(j.name, format, t), "items", int64(len(t.Items)), seconds)
		}
		add("source", j.sourcePass(), j.size.All.Bits/8)
		for _, a := range j.planned {
			add(a.name(), j.passOf(a.GGUFTensors(), false), a.PayloadBits/8)
		}
	}
}

// sampledItems is from how many items the tokens of a task are estimated.
const sampledItems = 64

// taskTokens are about the tokens of all items: read at once, among them those whose logits are wanted, and generated.
func (j *job) taskTokens(t Task) (read, scored, generated int) {
	tokens := func(text string) int { return len(j.source.Tokenizer.Encode(text, tokenizer.Options{})) }
	n := min(sampledItems, len(t.Items))
	for i := range n {
		item := &t.Items[i*len(t.Items)/n]
		for _, c := range item.Choices {
			own := tokens(c.Continuation)
			read, scored = read+tokens(c.Context)+own, scored+own
		}
		if item.Targets != nil {
			read, generated = read+tokens(item.Prompt), generated+item.Most
		}
	}
	scale := func(x int) int { return int(float64(x) * float64(len(t.Items)) / float64(max(1, n))) }
	return scale(read), scale(scored), scale(generated)
}
