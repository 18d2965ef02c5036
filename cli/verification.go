package cli

import (
	"context"
	"fmt"
	"path/filepath"
	"slices"
	"strings"

	"bitmill/cli/steps"
	"bitmill/eval/verify"
	"bitmill/formats"
	"bitmill/formats/checkpoint"
	"bitmill/formats/gguf"
	"bitmill/formats/store"
)

// verification is what verify says of a file.
type verification struct {
	Path       string           `json:"path"`
	OK         bool             `json:"ok"`
	Tensors    int              `json:"tensors"`
	Bytes      int64            `json:"bytes"`
	Problems   []verify.Problem `json:"problems"`
	Notes      []string         `json:"notes"`
	Provenance *gguf.Metadata   `json:"provenance"`
}

// newVerification describes a result; c is nil when the file could not be opened.
func newVerification(path string, c *checkpoint.Checkpoint, r *verify.Result) verification {
	v := verification{Path: path, Bytes: r.Bytes, Problems: nonNil(r.Problems), Notes: nonNil(r.Notes),
		Provenance: &gguf.Metadata{}}
	v.OK = len(v.Problems) == 0
	if c == nil {
		return v
	}
	v.Tensors = len(c.Tensors)
	for _, k := range c.Metadata.Keys() {
		if strings.HasPrefix(k, "bitmill.") {
			x, _ := c.Metadata.Get(k)
			v.Provenance.Set(k, x)
		}
	}
	return v
}

// print prints problems, notes and provenance.
func (v verification) print(e env) error {
	if e.json {
		return e.printJSON(v)
	}
	v.printProblems(e, "")
	for _, n := range v.Notes {
		fmt.Fprintf(e.stdout, "note: %s\n", n)
	}
	for _, k := range v.Provenance.Keys() {
		x, _ := v.Provenance.Get(k)
		fmt.Fprintf(e.stdout, "%s = %s\n", formats.OneLine(k), shorten(x))
	}
	return v.printSum(e)
}

// printProblems prints a line for each problem; those that do not name the file have prefix in front.
func (v verification) printProblems(e env, prefix string) {
	for _, p := range v.Problems {
		if strings.Contains(p.Text, v.Path) {
			fmt.Fprintln(e.stdout, p)
		} else {
			fmt.Fprintf(e.stdout, "%s%s\n", prefix, p)
		}
	}
}

func (v verification) printSum(e env) error {
	if !v.OK {
		return nil
	}
	_, err := fmt.Fprintf(e.stdout, "%s: no problem in %d tensors, %d bytes of data\n", v.Path, v.Tensors, v.Bytes)
	return err
}

// verifyTarget is a file to verify, and the hash that a report records for it.
type verifyTarget struct{ path, sha256, report string }

// verifyTargets lists the files; a report stands for its artifacts.
func verifyTargets(args []string) (list []verifyTarget, err error) {
	for _, path := range args {
		st, err := store.Stat(path)
		if err != nil || st.Folder || store.Ext(path) != ".json" {
			list = append(list, verifyTarget{path: path})
			continue
		}
		r, err := openReport(path)
		if err != nil {
			return nil, err
		}
		before := len(list)
		for _, m := range r.Models {
			for _, a := range m.Artifacts {
				if a.SHA256 == "" {
					continue
				}
				name := filepath.FromSlash(a.Path)
				if !filepath.IsLocal(name) {
					return nil, fmt.Errorf("%s: %q is not in the folder of the report: %w", path, a.Path, formats.ErrCorrupt)
				}
				list = append(list, verifyTarget{store.Join(store.Dir(path), name), a.SHA256, path})
			}
		}
		if len(list) == before {
			return nil, fmt.Errorf("%s lists no artifact with a hash", path)
		}
	}
	return list, nil
}

// verifyAll verifies several files. A file that is missing or damaged does not stop the others.
func verifyAll(ctx context.Context, e env, targets []verifyTarget, o verifyOptions) error {
	var list []verification
	bad := 0
	for _, t := range targets {
		v, _, err := verifyFile(ctx, e, t.path, o, nil)
		if ctx.Err() != nil {
			return ctx.Err()
		}
		if err != nil {
			v = newVerification(t.path, nil, &verify.Result{Problems: []verify.Problem{{Text: err.Error()}}})
		} else if t.sha256 != "" {
			v.compare(t)
		}
		if !v.OK {
			bad++
		}
		list = append(list, v)
		if !e.json {
			v.printProblems(e, t.path+": ")
			if err := v.printSum(e); err != nil {
				return err
			}
		}
	}
	if e.json {
		if err := e.printJSON(list); err != nil {
			return err
		}
	}
	if bad > 0 {
		return fmt.Errorf("%d of %d files have problems", bad, len(targets))
	}
	return nil
}

// compare adds a problem where the file does not have the hash that its report records.
func (v *verification) compare(t verifyTarget) {
	got, err := steps.HashFile(t.path)
	if err == nil && got != t.sha256 {
		err = fmt.Errorf("the file hashes to %s, %s says %s", got, t.report, t.sha256)
	}
	if err != nil {
		v.OK, v.Problems = false, append(slices.Clone(v.Problems), verify.Problem{Text: err.Error()})
	}
}
