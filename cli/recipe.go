package cli

import (
	"fmt"
	"strings"

	"github.com/urfave/cli/v2"

	"bitmill/cli/pipeline"
	"bitmill/quantize"
)

// recipeFlags are the flags that shape a plan, shared by plan, quantize and run.
func recipeFlags() []cli.Flag {
	return append([]cli.Flag{
		&cli.BoolFlag{Name: "pure", Usage: "the format's default type for every matrix"},
		&cli.StringSliceFlag{Name: "tensor-type",
			Usage: "`RE=TYPE`: a type for the tensors whose name matches; the first match wins"},
		&cli.StringFlag{Name: "tensor-type-file", TakesFile: true,
			Usage: "more of --tensor-type, from a `FILE` with spaces " +
				"or line ends between them; they count after those given as flags"},
		&cli.StringFlag{Name: "output-tensor-type", Usage: "`TYPE` of the output matrix"},
		&cli.StringFlag{Name: "token-embedding-type", Usage: "`TYPE` of the token embedding"},
		&cli.BoolFlag{Name: "leave-output-tensor", Usage: "keep the output matrix as it is"},
		requantizeFlag(), loraFlag(), noVocabFlag(),
		&cli.StringSliceFlag{Name: "override-kv",
			Usage: "`KEY=TYPE:VALUE`: metadata to set; TYPE is int, float, bool or str; may be repeated"},
		&cli.BoolFlag{Name: "strict", Usage: "fail on what is otherwise a warning: types that do not fit a shape, " +
			"missing or zero importance weights"},
	}, append(methodFlags(), mtpFlags()...)...)
}

// weightFlags select entries of an importance matrix.
func weightFlags() []cli.Flag {
	return []cli.Flag{
		&cli.StringSliceFlag{Name: "include-weights",
			Usage: "of the importance matrix, use only entries with this `PART` in their name; may be repeated"},
		&cli.StringSliceFlag{Name: "exclude-weights",
			Usage: "of the importance matrix, do not use entries with this `PART` in their name; may be repeated"},
	}
}

// artifactFlags are the flags of one artifact, shared by plan and quantize.
func artifactFlags() []cli.Flag {
	return append(append([]cli.Flag{
		&cli.StringFlag{Name: "imatrix", TakesFile: true,
			Usage: "importance matrix `FILE` (some mixes depend on having one)"},
		&cli.StringFlag{Name: "target-bpw",
			Usage: "choose every matrix's type so that the payload takes at most this `NUMBER` of bits per weight"},
		&cli.StringFlag{Name: "target-size",
			Usage: "choose every matrix's type so that the file takes at most this `SIZE`, e.g. 8GiB or 700MB"},
		&cli.BoolFlag{Name: "no-provenance",
			Usage: "leave out bitmill's own metadata: the file then equals llama-quantize's"},
		&cli.BoolFlag{Name: "keep-split", Usage: "keep the model's shards"},
		&cli.StringFlag{Name: "split-max-size",
			Usage: "cut into shards of at most this `SIZE` of tensors, e.g. 2G, as bitmill split does"},
	}, weightFlags()...), append(calibrationFlags(), recipeFlags()...)...)
}

func recipeOptions(c *cli.Context) (quantize.Options, error) {
	o := quantize.Options{
		Pure: c.Bool("pure"), TensorTypes: c.StringSlice("tensor-type"), OutputType: c.String("output-tensor-type"),
		EmbeddingType: c.String("token-embedding-type"), LeaveOutput: c.Bool("leave-output-tensor"),
		AllowRequantize: c.Bool("allow-requantize"), MetadataKeys: c.StringSlice("override-kv"),
	}
	if err := o.Check(); err != nil {
		return o, usageError{Err: err}
	}
	var err error
	if o.Types, err = types(c); err != nil {
		return o, err
	}
	if path := c.String("tensor-type-file"); path != "" {
		text, err := pipeline.ReadText(path)
		if err != nil {
			return o, err
		}
		list := strings.Fields(text)
		if len(list) == 0 {
			return o, fmt.Errorf("--tensor-type-file %s: the file is empty", path)
		}
		for _, t := range list {
			if _, err := quantize.ParseOverride(t); err != nil {
				return o, fmt.Errorf("%s: %w", path, err)
			}
		}
		o.TensorTypes = append(o.TensorTypes, list...)
	}
	return o, nil
}
