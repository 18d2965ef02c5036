package cli

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"

	"github.com/urfave/cli/v2"

	"bitmill/cli/steps"
	"bitmill/formats"
	"bitmill/formats/gguf"
)

func splitCommand() *cli.Command {
	return &cli.Command{
		Name:      "split",
		Usage:     "cut a GGUF file into shards",
		ArgsUsage: "IN.gguf PREFIX",
		Description: `Writes PREFIX-00001-of-0000N.gguf and so on, with the bytes that llama-gguf-split writes: all of
them, or none. A tensor larger than --split-max-size gets a shard of its own; when it is the first, the split is
refused. IN.gguf may be the first shard of a model that is split already; it must not be one of the files to be
written.`,
		Flags: []cli.Flag{
			&cli.StringFlag{Name: "split-max-size",
				Usage: "most bytes of tensors in a shard: a `SIZE` such as 500M or 2G (decimal), 4GiB (binary)"},
			&cli.IntFlag{Name: "split-max-tensors", Usage: "most tensors in a shard: a `NUMBER`",
				DefaultText: fmt.Sprint(gguf.DefaultMaxTensors, " unless --split-max-size is given")},
			&cli.BoolFlag{Name: "no-tensor-first-split", Usage: "put only metadata in the first shard"},
			&cli.BoolFlag{Name: "dry-run", Usage: "say what would be written, write nothing"},
			forceFlag(),
		},
		Action: arguments(2, 2, "IN.gguf PREFIX").action(func(c *cli.Context, e env, args []string) error {
			o, err := splitOptions(c)
			if err != nil {
				return err
			}
			if base := args[1]; base == "" || strings.HasSuffix(base, "/") ||
				strings.HasSuffix(base, string(filepath.Separator)) {
				return usagef("%q is not a prefix: give the beginning of the shards' names, e.g. %s", base,
					filepath.Join(base, "model"))
			}
			return runSplit(c.Context, e, args[0], args[1], o, c.Bool("dry-run"), c.Bool("force"))
		}),
	}
}

// splitOptions reads the flags that say where to cut.
func splitOptions(c *cli.Context) (o gguf.SplitOptions, err error) {
	o.BareFirst = c.Bool("no-tensor-first-split")
	if c.IsSet("split-max-size") && c.IsSet("split-max-tensors") {
		return o, usagef("give --split-max-size or --split-max-tensors, not both")
	}
	if c.IsSet("split-max-size") {
		o.MaxBytes, err = parseSize("--split-max-size", c.String("split-max-size"))
	}
	if c.IsSet("split-max-tensors") {
		o.MaxTensors = c.Int("split-max-tensors")
	}
	return o, err
}

type shardRow struct {
	Path    string `json:"path"`
	Tensors int    `json:"tensors"`
	Bytes   int64  `json:"bytes"`
}

func runSplit(ctx context.Context, e env, in, prefix string, o gguf.SplitOptions,
	dry, force bool) error {
	f, err := gguf.Open(in)
	if err != nil {
		return err
	}
	defer f.Close()
	pieces, err := gguf.Split(f.Metadata, f.Infos(), o)
	if err != nil {
		return err
	}
	rows := make([]shardRow, len(pieces))
	targets := make([]gguf.Target, len(pieces))
	for i, p := range pieces {
		path := gguf.ShardPath(prefix, i, len(pieces))
		if err := steps.CheckFree(path, force); err != nil {
			return err
		}
		rows[i] = shardRow{path, len(p.Tensors), p.Layout.FileBytes}
		targets[i] = gguf.Target{Path: path, Metadata: p.Metadata, Tensors: f.Tensors[p.First : p.First+len(p.Tensors)]}
	}
	var warnings []string
	switch big := gguf.Oversized(f.Infos(), o.MaxBytes); len(big) {
	case 0:
	case 1:
		warnings = append(warnings, fmt.Sprintf("1 tensor is larger than --split-max-size, %s: its shard is larger too",
			big[0]))
	default:
		warnings = append(warnings, fmt.Sprintf("%d tensors are larger than --split-max-size, %s for one: their "+
			"shards are larger too", len(big), big[0]))
	}
	warnings = append(warnings, otherShards(prefix, rows)...)
	for _, w := range warnings {
		fmt.Fprintf(e.stderr, "bitmill: %s\n", w)
	}
	if !dry {
		if err := e.copy(ctx, "split "+filepath.Base(in), f, targets); err != nil {
			return err
		}
	}
	if e.json {
		return e.printJSON(struct {
			Written  bool       `json:"written"`
			Tensors  int        `json:"tensors"`
			Bytes    int64      `json:"bytes"`
			Shards   []shardRow `json:"shards"`
			Warnings []string   `json:"warnings,omitempty"`
		}{!dry, len(f.Tensors), totalBytes(rows), rows, warnings})
	}
	verb := "wrote"
	if dry {
		verb = "would write"
	}
	for _, r := range rows {
		fmt.Fprintf(e.stdout, "%s %s: %d tensors, %d bytes\n", verb, r.Path, r.Tensors, r.Bytes)
	}
	_, err = fmt.Fprintf(e.stdout, "%s, %s, %d bytes\n", formats.Several(len(rows), "shard"),
		formats.Several(len(f.Tensors), "tensor"),
		totalBytes(rows))
	return err
}

// otherShards returns a warning if shards of another split lie under the prefix.
func otherShards(prefix string, rows []shardRow) []string {
	folder, base := filepath.Split(prefix)
	entries, err := os.ReadDir(filepath.Clean(folder))
	if err != nil {
		return nil // the split itself tells
	}
	var others []string
	for _, e := range entries {
		rest, ok := strings.CutPrefix(e.Name(), base+"-")
		named := func(r shardRow) bool { return filepath.Base(r.Path) == e.Name() }
		if ok && shardEnd.MatchString(rest) && !slices.ContainsFunc(rows, named) {
			others = append(others, e.Name())
		}
	}
	if others == nil {
		return nil
	}
	return []string{"shards of another split lie there too: " + strings.Join(others, ", ")}
}

// shardEnd is the name of a shard after its prefix.
var shardEnd = regexp.MustCompile(`^[0-9]{5}-of-[0-9]{5}\.gguf$`)

func totalBytes(rows []shardRow) (n int64) {
	for _, r := range rows {
		n += r.Bytes
	}
	return n
}
