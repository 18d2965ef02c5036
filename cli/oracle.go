package cli

import (
	"context"
	"fmt"

	"bitmill/cli/pipeline"
	"bitmill/eval/infer"
)

// oracleTokens is how many tokens of the text are compared.
const oracleTokens = 128

// oracleCheck compares the engine with the oracle on the first tokens of the text.
type oracleCheck struct {
	Path        string  `json:"path"`
	Tokens      int     `json:"tokens"`
	RelativeRMS float64 `json:"relative_rms"`
	SameTop     int     `json:"same_top"`
}

func (c oracleCheck) String() string {
	return fmt.Sprintf("%s: engine against oracle over %d tokens: relative RMS difference of the logits %.2e, "+
		"same most probable token %d times", pipeline.ModelName(c.Path), c.Tokens, c.RelativeRMS, c.SameTop)
}

// checkOracle runs both forward passes. On a quantized model the engine, like llama.cpp, rounds activations to 8
// bits and the oracle does not; the difference is then that of the rounding.
func checkOracle(ctx context.Context, e env, path, textName, text string) (*oracleCheck, error) {
	m, err := e.adapterOnlyForFolders(path).Load(path)
	if err != nil {
		return nil, err
	}
	defer m.Close()
	windows, err := m.Windows(textName, text, oracleTokens, 1)
	if err != nil {
		return nil, err
	}
	pool := e.Pool()
	defer pool.Close()
	tokens := windows[0]
	logits, err := infer.NewRunner(pool, infer.Options{}).Forward(m.Engine, []infer.Sequence{{Tokens: tokens}})
	if err != nil {
		return nil, err
	}
	c := &oracleCheck{Path: path, Tokens: len(tokens)}
	own := rows(logits, m.Config.Vocab)
	c.RelativeRMS, c.SameTop, err = compareWithOracle(ctx, m.Checkpoint, tokens, own, e.Threads)
	return c, err
}

// rows splits the logits of several tokens.
func rows(flat []float32, vocab int) (list [][]float32) {
	for ; len(flat) > 0; flat = flat[vocab:] {
		list = append(list, flat[:vocab])
	}
	return list
}
