package cli

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strings"

	"github.com/urfave/cli/v2"

	"bitmill/cli/pipeline"
	"bitmill/cli/steps"
	"bitmill/eval/verify"
	"bitmill/formats"
	"bitmill/formats/checkpoint"
	"bitmill/formats/file"
	"bitmill/formats/gguf"
	"bitmill/formats/modelcard"
)

type verifyOptions struct {
	manifest, writeManifest string
	source, imatrix         string
	force                   bool
}

func verifyCommand() *cli.Command {
	return &cli.Command{
		Name:      "verify",
		Usage:     "check a model file: structure, tensors, no NaN, provenance, hashes",
		ArgsUsage: "FILE",
		Description: `FILE is a GGUF file, a first shard, or a Hugging Face folder. The command checks the structure of
all shards; that no value and no block's scale is NaN or infinite; that the tensors are those of the architecture,
with the right shapes; and whatever a flag asks for. Each problem is one line, and any problem makes the exit code 1.

A manifest lists the SHA-256 of every tensor's data, in the form of sha256sum.`,
		Flags: []cli.Flag{
			&cli.StringFlag{Name: "manifest", TakesFile: true, Usage: "compare the tensors with the hashes in `FILE`"},
			&cli.StringFlag{Name: "write-manifest", TakesFile: true,
				Usage: "write the tensors' hashes to `FILE`, when there is no problem"},
			&cli.StringFlag{Name: "source", TakesFile: true,
				Usage: "`MODEL` that the file must record as its source (bitmill.source.sha256)"},
			&cli.StringFlag{Name: "imatrix", TakesFile: true,
				Usage: "importance matrix `FILE` that the file must record (bitmill.imatrix.sha256)"},
			forceFlag(),
		},
		Action: arguments(1, 1, "FILE").action(func(c *cli.Context, e env, args []string) error {
			for _, name := range []string{"manifest", "write-manifest", "source", "imatrix"} {
				if c.IsSet(name) && c.String(name) == "" {
					return usagef("--%s is empty: name a file", name)
				}
			}
			o := verifyOptions{c.String("manifest"), c.String("write-manifest"), c.String("source"),
				c.String("imatrix"), c.Bool("force")}
			return runVerify(c.Context, e, args[0], o)
		}),
	}
}

func runVerify(ctx context.Context, e env, path string, o verifyOptions) error {
	want, err := readManifest(o.manifest)
	if err != nil {
		return err
	}
	if o.writeManifest != "" {
		if err := errors.Join(file.CheckTarget(o.writeManifest, o.source, o.imatrix),
			steps.CheckFree(o.writeManifest, o.force)); err != nil {
			return err
		}
		if file.Same(path, o.writeManifest) {
			return fmt.Errorf("%s is the model: writing there would destroy it", o.writeManifest)
		}
	}
	r := &verify.Result{}
	var c *checkpoint.Checkpoint
	switch c, err = openModel(path); {
	case errors.Is(err, formats.ErrCorrupt) || errors.Is(err, os.ErrNotExist) && isShard(path):
		r.Problems = append(r.Problems, verify.Problem{Text: err.Error()})
	case err != nil:
		return err
	default:
		defer c.Close()
		if r, err = verifyModel(ctx, e, c, o, want); err != nil {
			return err
		}
	}
	if err := printVerification(e, path, c, r); err != nil {
		return err
	}
	if n := len(r.Problems); n > 0 {
		return fmt.Errorf("%s: %s", path, several(n, "problem"))
	}
	if o.writeManifest != "" {
		return file.Write(o.writeManifest, verify.FormatManifest(r.Hashes))
	}
	return nil
}

// isShard reports whether there is such a file: what is missing then is another shard.
func isShard(path string) bool {
	_, err := os.Stat(path)
	return err == nil
}

func readManifest(path string) ([]verify.Hash, error) {
	if path == "" {
		return nil, nil
	}
	data, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	return verify.ParseManifest(path, data)
}

// verifyModel runs all checks of a model that could be opened.
func verifyModel(ctx context.Context, e env, c *checkpoint.Checkpoint, o verifyOptions,
	manifest []verify.Hash) (*verify.Result, error) {
	bar := e.Events.Begin("verify "+modelcard.FolderName(c.Path), "bytes")
	r, err := verify.Model(ctx, c, verify.Options{Pass: checkpoint.Pass{Threads: e.Threads, Progress: bar.Set},
		Hash: manifest != nil || o.writeManifest != ""})
	if err != nil {
		return nil, err
	}
	if st, err := os.Stat(c.Path); err == nil && !st.IsDir() {
		f, err := gguf.Open(c.Path)
		if err != nil {
			return nil, err
		}
		r.Shards(f)
		f.Close()
	}
	if manifest != nil {
		r.Manifest(manifest)
	}
	if o.source != "" {
		source, err := openModel(o.source)
		if err != nil {
			return nil, err
		}
		defer source.Close()
		hash, err := source.Hash()
		if err != nil {
			return nil, err
		}
		r.Recorded(c.Metadata, "bitmill.source.sha256", hash, o.source)
	}
	if o.imatrix != "" {
		m, err := pipeline.OpenImatrix(o.imatrix)
		if err != nil {
			return nil, err
		}
		hash, err := m.Hash()
		if err != nil {
			return nil, err
		}
		r.Recorded(c.Metadata, "bitmill.imatrix.sha256", hash, o.imatrix)
	}
	bar.Done()
	return r, nil
}

// printVerification prints problems, notes and provenance; c is nil when the file could not be opened.
func printVerification(e env, path string, c *checkpoint.Checkpoint, r *verify.Result) error {
	tensors := 0
	provenance := &gguf.Metadata{}
	if c != nil {
		tensors = len(c.Tensors)
		for _, k := range c.Metadata.Keys() {
			if strings.HasPrefix(k, "bitmill.") {
				v, _ := c.Metadata.Get(k)
				provenance.Set(k, v)
			}
		}
	}
	if e.json {
		problems := r.Problems
		if problems == nil {
			problems = []verify.Problem{}
		}
		return e.printJSON(struct {
			Path       string           `json:"path"`
			OK         bool             `json:"ok"`
			Tensors    int              `json:"tensors"`
			Bytes      int64            `json:"bytes"`
			Problems   []verify.Problem `json:"problems"`
			Notes      []string         `json:"notes"`
			Provenance *gguf.Metadata   `json:"provenance"`
		}{path, len(r.Problems) == 0, tensors, r.Bytes, problems, nonNil(r.Notes), provenance})
	}
	for _, p := range r.Problems {
		fmt.Fprintln(e.stdout, p)
	}
	for _, n := range r.Notes {
		fmt.Fprintf(e.stdout, "note: %s\n", n)
	}
	for _, k := range provenance.Keys() {
		v, _ := provenance.Get(k)
		fmt.Fprintf(e.stdout, "%s = %s\n", k, shorten(v))
	}
	if len(r.Problems) > 0 {
		return nil
	}
	_, err := fmt.Fprintf(e.stdout, "%s: no problem in %d tensors, %d bytes of data\n", path, tensors, r.Bytes)
	return err
}
