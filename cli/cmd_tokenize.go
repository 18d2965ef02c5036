package cli

import (
	"fmt"

	"github.com/urfave/cli/v2"

	"bitmill/formats/tokenizer"
)

func tokenizeCommand() *cli.Command {
	return &cli.Command{
		Name:      "tokenize",
		Usage:     "print the token ids of a text",
		ArgsUsage: "MODEL",
		Flags: []cli.Flag{
			&cli.StringFlag{Name: "text", Usage: "the text itself"},
			&cli.StringFlag{Name: "file", TakesFile: true, Usage: "a file that holds the text"},
			&cli.BoolFlag{Name: "no-special",
				Usage: "add no BOS or EOS, and treat special tokens in the text as plain text"},
		},
		Action: arguments(1, 1, "MODEL --text S").action(func(c *cli.Context, e env, args []string) (err error) {
			text := c.String("text")
			if c.IsSet("text") == c.IsSet("file") {
				return usagef("give either --text or --file")
			}
			if c.IsSet("file") {
				if _, text, err = e.readText(c.String("file"), nil); err != nil {
					return err
				}
			}
			return runTokenize(e, args[0], text,
				tokenizer.Options{NoSpecial: c.Bool("no-special"), ParseSpecial: !c.Bool("no-special")})
		}),
	}
}

func runTokenize(e env, path, text string, o tokenizer.Options) error {
	c, err := openModel(path)
	if err != nil {
		return err
	}
	defer c.Close()
	if c.Tokenizer == nil {
		return fmt.Errorf("%s cannot read text: %w", path, c.TokenizerErr)
	}
	e.warn(c.Tokenizer.Warnings...)
	ids := c.Tokenizer.Encode(text, o)
	if e.json {
		if ids == nil {
			ids = []int32{}
		}
		return e.printJSON(struct {
			IDs []int32 `json:"ids"`
		}{ids})
	}
	for _, id := range ids {
		fmt.Fprintf(e.stdout, "%6d %q\n", id, c.Tokenizer.AppendPiece(nil, id))
	}
	return nil
}
