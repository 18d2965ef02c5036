package cli

import (
	"github.com/urfave/cli/v2"

	"bitmill/formats/store"
	"bitmill/quantize"
)

func quantizeCommand() *cli.Command {
	return &cli.Command{
		Name:      "quantize",
		Usage:     "write one artifact",
		ArgsUsage: "MODEL OUT.gguf",
		Description: `When interrupted or killed, it leaves OUT.gguf.part and a journal; the same command continues at
the next tensor. An upload to a URL begins anew. The format COPY keeps every tensor as it is. Shards are named after OUT.gguf: OUT-00001-of-0000N.gguf.

--reuse copies tensors of the same type from an earlier artifact instead of encoding them. The artifact's metadata
(bitmill.source.blake3, bitmill.imatrix.sha256, bitmill.version) must say that it was made from the same model, with
the same importance matrix, by the same version of bitmill. If bitmill run recorded the file's hash, the file must
still have it; otherwise its tensors are trusted.

` + targetHelp,
		Flags: append([]cli.Flag{
			&cli.StringFlag{Name: "format", Aliases: []string{"f"}, Usage: "`FORMAT`, e.g. Q4_K_M, or COPY"},
			&cli.BoolFlag{Name: "dry-run", Usage: "say what bitmill plan says, write nothing"},
			&cli.StringSliceFlag{Name: "reuse", TakesFile: true,
				Usage: "copy unchanged tensors from an earlier artifact, `OLD.gguf`; may be repeated"},
		}, append(artifactFlags(), memoryFlag(), forceFlag())...),
		Action: arguments(2, 2, "MODEL OUT.gguf -f FORMAT").action(func(c *cli.Context, e env, args []string) error {
			o, err := readQuantizeOptions(c)
			if err == nil && o.target == (quantize.Target{}) {
				err = required(c, "format")
			}
			if err != nil {
				return err
			}
			if err = runQuantize(c.Context, e, args[0], args[1], o); store.IsURL(args[1]) {
				return err // an upload is begun anew
			}
			return resumable(err)
		}),
	}
}

func readQuantizeOptions(c *cli.Context) (o quantizeOptions, err error) {
	o = quantizeOptions{dryRun: c.Bool("dry-run"), reuse: c.StringSlice("reuse"), force: c.Bool("force")}
	if o.artifactOptions, err = readArtifactOptions(c); err != nil {
		return o, err
	}
	if o.Format = c.String("format"); o.Format != "" {
		if err = o.Check(); err != nil {
			return o, usageError{Err: err}
		}
	}
	switch fits := quantize.Fits(o.Method); {
	case fits && o.text == "" && !o.dryRun && o.choosesTypes():
		return o, usagef("--method %s with types that are chosen runs the model on a text: name one with "+
			"--calibration FILE, or --calibration builtin", o.Method)
	case fits && len(o.reuse) > 0:
		return o, usagef("--reuse copies what the encoders made: leave it out with --method %s", o.Method)
	case fits && o.noProvenance:
		return o, usagef("--no-provenance is for files equal to llama-quantize's: leave it out with --method %s", o.Method)
	case !fits && !o.choosesTypes() && o.text != "":
		return o, usagef("--calibration is for --method feedback and tuned, or to choose types")
	}
	o.assumed = quantize.Fits(o.Method) && o.text == "" && !o.dryRun
	o.memory, err = memory(c)
	return o, err
}
