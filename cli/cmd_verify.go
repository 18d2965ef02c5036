package cli

import (
	"context"
	"errors"
	"fmt"
	"os"

	"github.com/urfave/cli/v2"

	"bitmill/cli/pipeline"
	"bitmill/cli/steps"
	"bitmill/eval/verify"
	"bitmill/formats"
	"bitmill/formats/checkpoint"
	"bitmill/formats/file"
	"bitmill/formats/gguf"
	"bitmill/formats/modelcard"
	"bitmill/formats/store"
	"bitmill/quantize"
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
		ArgsUsage: "FILE...",
		Description: `FILE is a GGUF file, a first shard, a Hugging Face folder, or the report.json of a run, which
stands for all artifacts of the run with the hashes that it records. The command checks the structure of
all shards; that no value and no block's scale is NaN or infinite; that the tensors are those of the architecture,
with the right shapes; and whatever a flag asks for. Each problem is one line, and any problem makes the exit code 1.

A manifest lists the SHA-256 of every tensor's data, in the form of sha256sum.`,
		Flags: []cli.Flag{
			&cli.StringFlag{Name: "manifest", TakesFile: true, Usage: "compare the tensors with the hashes in `FILE`"},
			&cli.StringFlag{Name: "write-manifest", TakesFile: true,
				Usage: "write the tensors' hashes to `FILE`, when there is no problem"},
			&cli.StringFlag{Name: "source", TakesFile: true,
				Usage: "`MODEL` that the file must record as its source (bitmill.source.blake3)"},
			&cli.StringFlag{Name: "imatrix", TakesFile: true,
				Usage: "importance matrix `FILE` that the file must record (bitmill.imatrix.sha256)"},
			forceFlag(),
		},
		Action: arguments(1, -1, "FILE...").action(func(c *cli.Context, e env, args []string) error {
			for _, name := range []string{"manifest", "write-manifest", "source", "imatrix"} {
				if c.IsSet(name) && c.String(name) == "" {
					return usagef("--%s is empty: name a file", name)
				}
			}
			o := verifyOptions{c.String("manifest"), c.String("write-manifest"), c.String("source"),
				c.String("imatrix"), c.Bool("force")}
			targets, err := verifyTargets(args)
			if err != nil {
				return err
			}
			if len(targets) == 1 && targets[0].sha256 == "" {
				return runVerify(c.Context, e, targets[0].path, o)
			}
			if o.manifest != "" || o.writeManifest != "" {
				return usagef("a manifest is of one file: name one")
			}
			return verifyAll(c.Context, e, targets, o)
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
	v, hashes, err := verifyFile(ctx, e, path, o, want)
	if err != nil {
		return err
	}
	if err := v.print(e); err != nil {
		return err
	}
	if n := len(v.Problems); n > 0 {
		return fmt.Errorf("%s: %s", path, formats.Several(n, "problem"))
	}
	if o.writeManifest != "" {
		return file.Write(o.writeManifest, verify.FormatManifest(hashes))
	}
	return nil
}

// verifyFile verifies one model.
func verifyFile(ctx context.Context, e env, path string, o verifyOptions, want []verify.Hash) (v verification,
	hashes []verify.Hash, err error) {
	r := &verify.Result{}
	c, err := openModel(path)
	switch {
	case errors.Is(err, formats.ErrCorrupt) || errors.Is(err, os.ErrNotExist) && isShard(path):
		r.Problems = append(r.Problems, verify.Problem{Text: err.Error()})
	case err != nil:
		return v, nil, err
	default:
		defer c.Close()
		if r, err = verifyModel(ctx, e, c, o, want); err != nil {
			return v, nil, err
		}
	}
	return newVerification(path, c, r), r.Hashes, nil
}

// isShard reports whether there is such a file: what is missing then is another shard.
func isShard(path string) bool {
	_, err := store.Stat(path)
	return err == nil
}

func readManifest(path string) ([]verify.Hash, error) {
	if path == "" {
		return nil, nil
	}
	data, err := file.Read(path)
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
	if st, err := store.Stat(c.Path); err == nil && !st.Folder {
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
		key, hash, err := recordedHash(c, source)
		if err != nil {
			return nil, err
		}
		r.Recorded(c.Metadata, key, hash, o.source)
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

// recordedHash is the metadata key under which a file records its source, and the hash of a source for it.
func recordedHash(c, source *checkpoint.Checkpoint) (key, hash string, err error) {
	if _, old := c.Metadata.Get(quantize.KeyOldSource); old {
		hash, err = source.HashSHA256()
		return quantize.KeyOldSource, hash, err
	}
	hash, err = source.Hash()
	return quantize.KeySource, hash, err
}
