package cli

import (
	"bytes"
	"cmp"
	"context"
	"fmt"
	"os"
	"path/filepath"

	"github.com/urfave/cli/v2"

	"bitmill/cli/pipeline"
	"bitmill/cli/steps"
	"bitmill/formats/checkpoint"
	"bitmill/formats/gguf"
	"bitmill/formats/store"
	"bitmill/quantize"
)

func convertCommand() *cli.Command {
	return &cli.Command{
		Name:      "convert",
		Usage:     "write a checkpoint as GGUF without quantizing",
		ArgsUsage: "MODEL OUT.gguf",
		Flags: append([]cli.Flag{
			&cli.StringFlag{Name: "outtype", Value: "auto",
				Usage: "`TYPE` of the matrices: auto (the source's), f32, f16 or bf16"},
			&cli.BoolFlag{Name: "vocab-only",
				Usage: "write metadata and vocabulary without tensors; a Hugging Face folder then needs no weights"},
			requantizeFlag(), loraFlag(), noVocabFlag(), forceFlag(),
		}, mtpFlags()...),
		Action: arguments(2, 2, "MODEL OUT.gguf").action(func(c *cli.Context, e env, args []string) error {
			outtype := c.String("outtype")
			format, ok := map[string]string{"auto": "", "f32": "F32", "f16": "F16", "bf16": "BF16"}[outtype]
			if !ok {
				return usagef("--outtype %s: choose auto, f32, f16 or bf16", outtype)
			}
			if c.Bool("vocab-only") {
				if c.IsSet("no-vocab") {
					return usagef("give --vocab-only or --no-vocab, not both")
				}
				if c.IsSet("lora") {
					return usagef("give --vocab-only or --lora, not both: an adapter has no vocabulary")
				}
				return runConvertVocabulary(e, args[0], args[1], format, c.Bool("force"))
			}
			return resumable(runConvert(c.Context, e, args[0], args[1], format, c.Bool("force")))
		}),
	}
}

// runConvert converts to a format; "" keeps the source's.
func runConvert(ctx context.Context, e env, path, out, format string, force bool) error {
	c, err := e.Open(path)
	if err != nil {
		return err
	}
	defer c.Close()
	if format == "" {
		if format, err = pipeline.SourceFormat(c); err != nil {
			return err
		}
	}
	if err := makeFolderOf(out); err != nil {
		return err
	}
	o := quantizeOptions{keepConfig: true, force: force}
	o.Format, o.AllowRequantize = format, e.Source.AllowRequantize
	return runQuantize(ctx, e, path, out, o)
}

// makeFolderOf makes the folder of a file.
func makeFolderOf(path string) error {
	if store.IsURL(path) {
		return nil
	}
	return os.MkdirAll(filepath.Dir(path), 0o755)
}

// runConvertVocabulary writes metadata and vocabulary without tensors.
func runConvertVocabulary(e env, path, out, format string, force bool) error {
	e.Source = checkpoint.OpenOptions{AllowRequantize: true, VocabularyOnly: true, MTP: e.Source.MTP}
	c, err := checkpoint.OpenWith(path, e.Source)
	if err != nil {
		return err
	}
	defer c.Close()
	switch {
	case store.Same(path, out):
		return fmt.Errorf("%s is the source: writing there would destroy it", out)
	case c.TokenizerErr != nil:
		return fmt.Errorf("%s: %w", path, c.TokenizerErr)
	}
	m := c.Metadata.Clone()
	for _, key := range m.Keys() {
		if gguf.IsSplitKey(key) {
			m.Delete(key)
		}
	}
	if format != "" {
		f, err := quantize.ParseFormat(format)
		if err != nil {
			return err
		}
		m.Set(gguf.KeyFileType, f.FileType)
	}
	var b bytes.Buffer
	if _, err := gguf.WriteHeader(&b, m, nil); err != nil {
		return err
	}
	if err := cmp.Or(makeFolderOf(out), store.CheckTarget(out, store.Options{Replace: force}),
		steps.CheckFree(out, force)); err != nil {
		return err
	}
	if err := store.Write(out, b.Bytes(), store.Options{Replace: force}); err != nil {
		return err
	}
	e.warn(c.Warnings...)
	row := struct {
		Path      string `json:"path"`
		Tokens    int    `json:"tokens"`
		FileBytes int    `json:"file_bytes"`
	}{out, c.Tokenizer.Vocab(), b.Len()}
	if e.json {
		return e.printJSON(row)
	}
	_, err = fmt.Fprintf(e.stdout, "wrote %s: a vocabulary of %d tokens without tensors, %d bytes\n", row.Path,
		row.Tokens, row.FileBytes)
	return err
}
