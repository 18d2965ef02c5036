package cli

import (
	"context"
	"fmt"

	"bitmill/calibrate/oracle"
	"bitmill/cli/pipeline"
	"bitmill/eval/infer"
)

// oracleTokens is how much of the text the cross-check runs over.
const oracleTokens = 128

// oracleCheck compares the engine with the oracle on the first tokens of the text.
type oracleCheck struct {
	Path        string  `json:"path"`
	Tokens      int     `json:"tokens"`
	RelativeRMS float64 `json:"relative_rms"`
	SameTop     int     `json:"same_top"`
}

func (c oracleCheck) String() string {
	return fmt.Sprintf("%s: engine against oracle over %d tokens: relative RMS difference of the logits %.2e, same most probable token %d times",
		pipeline.ModelName(c.Path), c.Tokens, c.RelativeRMS, c.SameTop)
}

// checkOracle runs both forward passes. On a quantized model the engine rounds activations to 8 bits as llama.cpp does
// and the oracle does not, so the difference is then that of the rounding.
func checkOracle(ctx context.Context, e env, path, textName, text string) (*oracleCheck, error) {
	s, err := e.adapterOnlyForFolders(path).Load(path)
	if err != nil {
		return nil, err
	}
	defer s.Close()
	windows, err := s.Windows(textName, text, oracleTokens, 1)
	if err != nil {
		return nil, err
	}
	tokens := windows[0]
	o, err := oracle.New(s.Checkpoint, oracle.Options{})
	if err != nil {
		return nil, err
	}
	defer o.Close()
	want, err := o.Logits(ctx, tokens)
	if err != nil {
		return nil, err
	}
	pool := e.Pool()
	defer pool.Close()
	flat, err := infer.NewRunner(pool, infer.Options{}).Forward(s.Engine, []infer.Sequence{{Tokens: tokens}})
	if err != nil {
		return nil, err
	}
	got := make([][]float32, len(tokens))
	for i := range got {
		got[i] = flat[i*s.Config.Vocab : (i+1)*s.Config.Vocab]
	}
	rms, same := oracle.Compare(want, got)
	return &oracleCheck{Path: path, Tokens: len(tokens), RelativeRMS: rms, SameTop: same}, nil
}
