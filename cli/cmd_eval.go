package cli

import (
	"context"
	"fmt"
	"text/tabwriter"

	"github.com/urfave/cli/v2"

	"bitmill/cli/pipeline"
	"bitmill/eval"
	"bitmill/eval/gate"
	"bitmill/eval/report"
	"bitmill/eval/score"
	"bitmill/quantize"
)

type evalOptions struct {
	text, reference  string
	context, windows int           // 0 windows: all
	until            pipeline.Goal // what ends the evaluation before
	oracle           bool
	tasks            []string // files
	float            bool     // do not round activations
}

func evalCommand() *cli.Command {
	needs := arguments(1, -1, "MODEL... [-t TEXT] [--reference MODEL] [--tasks FILE]")
	return &cli.Command{
		Name:      "eval",
		Usage:     "perplexity of models over a text, their divergence from a reference, and their answers to tasks",
		ArgsUsage: "MODEL...",
		Description: "A task is a file of questions, one JSON object a line: " +
			`{"context": "2+2=", "choices": ["3", "4"], "answer": 1}, or {"prompt": "…", "target": "…"} ` +
			"for generated text, or the files of HellaSwag, Winogrande, ARC and MMLU as they are published. " +
			"acc takes the most likely choice, acc_norm the most likely by length; against a reference, " +
			"the answers that flipped are counted and tested (McNemar, corrected by Holm).",
		Flags: append([]cli.Flag{
			&cli.StringFlag{Name: "text", TakesFile: true, Aliases: []string{"t", "f"},
				Usage: "evaluation `TEXT` file, or builtin: general text in the binary (default: builtin, none with --tasks)"},
			&cli.StringFlag{Name: "reference", TakesFile: true,
				Usage: "the full-precision `MODEL` to measure the KL divergence from"},
			&cli.IntFlag{Name: "ctx", Aliases: []string{"c"}, Value: eval.DefaultContext, Usage: "tokens in a window"},
			&cli.StringFlag{Name: "activations", Value: "rounded", Usage: "inputs of quantized products: `KIND` rounded, as " +
				"on the CPU (8 bits), or float, which judges the file alone, as most GPUs run it"},
			&cli.StringSliceFlag{Name: "tasks", TakesFile: true, Usage: "`FILE` of questions; may be given several times"},
			&cli.BoolFlag{Name: "oracle",
				Usage: "check the engine's full-precision logits against an independent forward pass (small models)"},
			requantizeFlag(), loraFlag(),
		}, windowFlags(pipeline.Goal{})...),
		Action: needs.action(func(c *cli.Context, e env, args []string) error {
			windows, goal, err := readWindows(c)
			if err != nil {
				return err
			}
			o := evalOptions{c.String("text"), c.String("reference"), c.Int("ctx"), windows, goal, c.Bool("oracle"),
				c.StringSlice("tasks"), c.String("activations") == "float"}
			if o.float && len(o.tasks) > 0 {
				return usagef("--activations float is for the text: leave out --tasks")
			}
			if kind := c.String("activations"); kind != "rounded" && !o.float {
				return usagef("--activations %q: give rounded or float", kind)
			}
			if o.text == "" && (len(o.tasks) == 0 || o.oracle) {
				o.text = pipeline.Builtin
				e.warn(pipeline.NoText)
			}
			if o.oracle && compareWithOracle == nil {
				return usagef("--oracle: this binary was built without the oracle (-tags slim)")
			}
			return runEval(c.Context, e, args, o)
		}),
	}
}

// evaluated is the result of eval.
type evaluated struct {
	Models []report.Row  `json:"models"`
	Inputs string        `json:"activations"`
	Oracle []oracleCheck `json:"oracle,omitempty"`
	Tasks  []taskRow     `json:"tasks,omitempty"`
}

func runEval(ctx context.Context, e env, paths []string, o evalOptions) error {
	if err := e.requireFolder(append(paths, o.reference)...); err != nil {
		return err
	}
	tasks, err := pipeline.ReadTasks(o.tasks)
	if err != nil {
		return err
	}
	out := evaluated{Inputs: "rounded"}
	if o.float {
		out.Inputs = "float"
	}
	if o.text != "" {
		if err := out.text(ctx, e, paths, o); err != nil {
			return err
		}
	}
	if len(tasks) > 0 {
		if out.Tasks, err = evalTasks(ctx, e, paths, o.reference, tasks); err != nil {
			return err
		}
	}
	if e.json {
		return e.printJSON(out)
	}
	if o.text != "" {
		if err := printEval(e, out.Models); err != nil {
			return err
		}
	}
	for _, c := range out.Oracle {
		fmt.Fprintln(e.stdout, c)
	}
	if len(tasks) > 0 {
		return printTasks(e, out.Tasks)
	}
	return nil
}

// text scores the models on the text.
func (out *evaluated) text(ctx context.Context, e env, paths []string, o evalOptions) error {
	name, text, err := e.readText(o.text, pipeline.BuiltinEvaluation)
	if err != nil {
		return err
	}
	o.text = name
	e.warn(pipeline.NotText(o.text, text))
	if out.Models, err = evalModels(ctx, e, paths, text, o); err != nil || !o.oracle {
		return err
	}
	for _, path := range paths {
		c, err := checkOracle(ctx, e, path, o.text, text)
		if err != nil {
			return err
		}
		out.Oracle = append(out.Oracle, *c)
	}
	return nil
}

// evalModels evaluates against the reference when there is one, each model by itself otherwise.
func evalModels(ctx context.Context, e env, paths []string, text string, o evalOptions) ([]report.Row, error) {
	if o.reference == "" {
		var rows []report.Row
		for _, path := range paths { // a mistake in the last one shows before hours go into the first
			s, err := e.adapterOnlyForFolders(path).Load(path)
			if err != nil {
				return nil, err
			}
			_, err = s.Windows(o.text, text, o.context, 1)
			s.Close()
			if err != nil {
				return nil, err
			}
		}
		for _, path := range paths {
			r, err := evalAgainst(ctx, e, path, nil, text, o)
			if err != nil {
				return nil, err
			}
			rows = append(rows, r...)
		}
		return rows, nil
	}
	return evalAgainst(ctx, e, o.reference, paths, text, o)
}

// evalAgainst evaluates the reference and the others on the reference's tokens. The reference's own row is returned
// only when there are no others.
func evalAgainst(ctx context.Context, e env, reference string, others []string, text string,
	o evalOptions) ([]report.Row, error) {
	ref, err := e.adapterOnlyForFolders(reference).Load(reference)
	if err != nil {
		return nil, err
	}
	defer ref.Close()
	e.warn(ref.Warnings...)
	e.warn(ref.LongContext(o.context))
	if o.float {
		ref.Engine.ExactInputs()
	}
	windows, err := ref.Windows(o.text, text, o.context, o.windows)
	if err != nil {
		return nil, err
	}
	v := pipeline.Evaluation{Session: e.Session, Reference: ref.Engine,
		Candidates: []pipeline.Candidate{{Model: ref.Engine}}, Windows: windows,
		Bytes: eval.ScoredBytes(ref.Tokenizer, windows), What: "evaluate"}
	subjects, artifacts := []*pipeline.Model{ref}, []gate.Subject(nil)
	for _, path := range others {
		s, err := e.adapterOnlyForFolders(path).Load(path)
		if err != nil {
			return nil, err
		}
		defer s.Close()
		if err := sameTokens(s, windows, text, o); err != nil {
			return nil, err
		}
		if o.float {
			s.Engine.ExactInputs()
		}
		sum, err := s.Summary()
		if err != nil {
			return nil, err
		}
		subjects, artifacts = append(subjects, s), append(artifacts, gate.Subject{Model: path, Bits: sum.All.Bits})
		v.Candidates = append(v.Candidates, pipeline.Candidate{Model: s.Engine})
	}
	v.End(o.until, gate.Decision{Fidelity: pipeline.DefaultKLDBudget}, artifacts)
	results, err := v.Run(ctx)
	if err != nil {
		return nil, err
	}
	alone, candidates := results[0], v.Candidates
	if len(others) > 0 {
		results, subjects, candidates = results[1:], subjects[1:], candidates[1:]
	}
	var rows []report.Row
	for i, r := range results {
		if err := pipeline.Finite(subjects[i].Path, r); err != nil {
			return nil, err
		}
		if len(others) == 0 {
			r = r.Alone()
		}
		row, err := evalRow(subjects[i], r.Extended(alone))
		if err != nil {
			return nil, err
		}
		row.Sample = pipeline.SampleOf(r, len(windows), candidates[i].For)
		rows = append(rows, row)
	}
	return rows, nil
}

// sameTokens refuses to compare models that read the text differently. A model whose tokenizer is not known is taken
// to have the reference's.
func sameTokens(s *pipeline.Model, windows [][]int32, text string, o evalOptions) error {
	if s.Tokenizer == nil {
		return nil
	}
	own, err := s.Windows(o.text, text, o.context, o.windows)
	if err != nil {
		return err
	}
	if quantize.WindowsHash(own) != quantize.WindowsHash(windows) {
		return fmt.Errorf("%s does not split the text into the reference's tokens: a divergence between them has no "+
			"meaning", s.Path)
	}
	return nil
}

// evalRow is the model's sizes and figures.
func evalRow(s *pipeline.Model, figures score.Text) (report.Row, error) {
	sum, err := s.Summary()
	if err != nil {
		return report.Row{}, err
	}
	format, err := pipeline.SourceFormat(s.Checkpoint)
	if err != nil {
		format = "mixed"
	}
	row := report.Row{Format: format, Path: s.Path, Text: figures}
	pipeline.Count(&row, sum)
	row.FileBytes, err = s.FileBytes()
	return row, err
}

func printEval(e env, rows []report.Row) error {
	w := tabwriter.NewWriter(e.stdout, 0, 0, 2, ' ', tabwriter.AlignRight)
	fmt.Fprint(w, "model\tBPW\tbytes\tPPL\t±\t")
	compared := len(rows) > 0 && rows[0].Compared()
	if compared {
		fmt.Fprint(w, "KLD\t±\tsame top\t")
	}
	fmt.Fprintln(w)
	for _, r := range rows {
		fmt.Fprintf(w, "%s\t%s\t%d\t%.4f\t%.4f\t", pipeline.ModelName(r.Path), r.BPW, r.FileBytes, r.PPL, r.PPLSE)
		if compared {
			fmt.Fprintf(w, "%.6f\t%.6f\t%.2f %%\t", r.KLD, r.KLDSE, 100*r.SameTop)
		}
		fmt.Fprintln(w)
	}
	return w.Flush()
}
