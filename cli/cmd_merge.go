package cli

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/urfave/cli/v2"

	"bitmill/formats/file"
	"bitmill/formats/gguf"
)

func mergeCommand() *cli.Command {
	return &cli.Command{
		Name:      "merge",
		Usage:     "join the shards of a GGUF file",
		ArgsUsage: "FIRST-SHARD OUT.gguf",
		Description: `Finds the other shards beside the first (NAME-00001-of-0000N.gguf) and writes one file, with the
bytes that llama-gguf-split --merge writes. The shards are kept. A file OUT.gguf that exists already is not replaced.`,
		Flags: []cli.Flag{
			&cli.BoolFlag{Name: "dry-run", Usage: "say what would be written, write nothing"},
		},
		Action: arguments(2, 2, "FIRST-SHARD OUT.gguf").action(func(c *cli.Context, e env, args []string) error {
			if args[1] == "" {
				return usagef("the output file has no name")
			}
			return runMerge(c.Context, e, args[0], args[1], c.Bool("dry-run"))
		}),
	}
}

func runMerge(ctx context.Context, e env, first, out string, dry bool) error {
	f, err := gguf.Open(first)
	if err != nil {
		return err
	}
	defer f.Close()
	m, err := gguf.Merged(f.Metadata)
	if err != nil {
		return fmt.Errorf("%s: %w", first, err)
	}
	if _, err := os.Lstat(out); !errors.Is(err, fs.ErrNotExist) {
		if err != nil {
			return err
		}
		if file.Same(first, out) {
			return fmt.Errorf("%s is the source itself: choose another name", out)
		}
		return fmt.Errorf("%s exists already: remove it or choose another name", out)
	}
	layout, err := gguf.NewLayout(m, f.Infos())
	if err != nil {
		return fmt.Errorf("%s: %w", first, err)
	}
	if !dry {
		target := gguf.Target{Path: out, Metadata: m, Tensors: f.Tensors}
		if err := e.copy(ctx, "merge "+filepath.Base(out), f, []gguf.Target{target}); err != nil {
			return err
		}
	}
	if e.json {
		return e.printJSON(struct {
			Written bool   `json:"written"`
			Path    string `json:"path"`
			Shards  int    `json:"shards"`
			Tensors int    `json:"tensors"`
			Bytes   int64  `json:"bytes"`
		}{!dry, out, len(f.Shards), len(f.Tensors), layout.FileBytes})
	}
	verb := "wrote"
	if dry {
		verb = "would write"
	}
	_, err = fmt.Fprintf(e.stdout, "%s %s: %d tensors of %d shards, %d bytes\n", verb, out, len(f.Tensors),
		len(f.Shards), layout.FileBytes)
	return err
}
