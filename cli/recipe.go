package cli

import (
	"fmt"
	"strings"

	"github.com/urfave/cli/v2"

	"bitmill/quantize"
)

// recipeFlags are the flags that shape a plan, shared by plan, quantize and run.
func recipeFlags() []cli.Flag {
	return []cli.Flag{
		&cli.BoolFlag{Name: "pure", Usage: "the format's default type for every matrix"},
		&cli.StringSliceFlag{Name: "tensor-type", Usage: "`RE=TYPE`: a type for the tensors whose name matches; the first match wins"},
		&cli.StringFlag{Name: "tensor-type-file", Usage: "more of --tensor-type, from a `FILE` with spaces or line ends between them; they count after those given as flags"},
		&cli.StringFlag{Name: "output-tensor-type", Usage: "`TYPE` of the output matrix"},
		&cli.StringFlag{Name: "token-embedding-type", Usage: "`TYPE` of the token embedding"},
		&cli.BoolFlag{Name: "leave-output-tensor", Usage: "keep the output matrix as it is"},
		&cli.BoolFlag{Name: "allow-requantize", Usage: "accept a source that is quantized already"},
		&cli.StringSliceFlag{Name: "override-kv", Usage: "`KEY=TYPE:VALUE`: metadata to set; TYPE is int, float, bool or str; may be repeated"},
		&cli.BoolFlag{Name: "strict", Usage: "fail on what is otherwise a warning: types that do not fit a shape, missing or zero importance weights"},
	}
}

// weightFlags choose among the entries of an importance matrix.
func weightFlags() []cli.Flag {
	return []cli.Flag{
		&cli.StringSliceFlag{Name: "include-weights", Usage: "of the importance matrix, use only entries with this `PART` in their name; may be repeated"},
		&cli.StringSliceFlag{Name: "exclude-weights", Usage: "of the importance matrix, do not use entries with this `PART` in their name; may be repeated"},
	}
}

func recipeOptions(c *cli.Context) (quantize.Options, error) {
	o := quantize.Options{
		Pure: c.Bool("pure"), TensorTypes: c.StringSlice("tensor-type"), OutputType: c.String("output-tensor-type"),
		EmbeddingType: c.String("token-embedding-type"), LeaveOutput: c.Bool("leave-output-tensor"), AllowRequantize: c.Bool("allow-requantize"),
		MetadataKeys: c.StringSlice("override-kv"),
	}
	if path := c.String("tensor-type-file"); path != "" {
		text, err := readText(path)
		if err != nil {
			return o, err
		}
		list := strings.Fields(text)
		if len(list) == 0 {
			return o, fmt.Errorf("--tensor-type-file %s: there is nothing in it", path)
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
