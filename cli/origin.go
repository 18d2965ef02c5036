package cli

import (
	"cmp"
	"fmt"
	"os"

	"github.com/urfave/cli/v2"

	"bitmill/cli/steps"
	"bitmill/formats/checkpoint"
	"bitmill/formats/gguf"
	"bitmill/formats/imatrix"
	"bitmill/quantize"
)

// memoryFlag is the bound on what quantizing holds in memory.
func memoryFlag() cli.Flag {
	return &cli.StringFlag{Name: "max-memory", Value: "512MiB", Usage: "what the buffers of quantizing may take: a `SIZE` such as 512MiB or 2GiB"}
}

// memory reads memoryFlag.
func memory(c *cli.Context) (int64, error) { return parseSize("--max-memory", c.String("max-memory")) }

// origin is what tensors of some type are made from: equal origins give equal bytes.
type origin struct {
	Version string `json:"version"`
	Source  string `json:"source"`            // hash of the checkpoint
	Imatrix string `json:"imatrix,omitempty"` // hash of the importance matrix
}

// originOf reads the provenance that an artifact records.
func originOf(m *gguf.Metadata) origin {
	text := func(key string) string {
		s, _, _ := m.String(key)
		return s
	}
	return origin{Version: text(keyVersion), Source: text(keySource), Imatrix: text(keyImatrix)}
}

// The keys of an artifact's provenance.
const (
	keyVersion = "bitmill.version"
	keySource  = "bitmill.source.sha256"
	keyImatrix = "bitmill.imatrix.sha256"
)

// newOrigin hashes the inputs.
func newOrigin(c *checkpoint.Checkpoint, m *imatrix.Matrix) (o origin, err error) {
	o.Version = Version
	if o.Source, err = c.Hash(); err != nil {
		return o, err
	}
	o.Imatrix, err = imatrixHash(m)
	return o, err
}

// imatrixHash is empty without a matrix.
func imatrixHash(m *imatrix.Matrix) (string, error) {
	if m == nil {
		return "", nil
	}
	data, err := m.Encode()
	return hashBytes(data), err
}

// writeKey is the key under which the writing of an artifact is taken up again. A source that was hashed goes by its
// hash; another one, so that it need not be read twice, by the names, sizes and times of its files.
func writeKey(c *checkpoint.Checkpoint, m *imatrix.Matrix, o origin) (string, error) {
	parts := []any{"write", Version, o.Source}
	imatrix, err := imatrixHash(m)
	if err != nil {
		return "", err
	}
	parts = append(parts, imatrix)
	if o.Source == "" {
		for _, path := range c.Files() {
			st, err := os.Stat(path)
			if err != nil {
				return "", err
			}
			parts = append(parts, path, st.Size(), st.ModTime().UnixNano())
		}
	}
	return steps.Key(parts...)
}

// checkDonor fails unless the artifact is whole, as far as can be told, and has the origin.
func checkDonor(path string, want origin) error {
	f, err := gguf.Open(path)
	if err != nil {
		return err
	}
	defer f.Close()
	got := originOf(f.Metadata)
	refuse := func(what string) error { return fmt.Errorf("%s cannot be reused: %s", path, what) }
	switch {
	case got.Version == "" || got.Source == "":
		return refuse("it does not record what it was made from")
	case got.Version != want.Version:
		return refuse(fmt.Sprintf("bitmill %s wrote it, this is %s", got.Version, want.Version))
	case got.Source != want.Source:
		return refuse("it was made from another model")
	case got.Imatrix != want.Imatrix:
		return refuse(fmt.Sprintf("it was made with %s, not with %s", matrixName(got.Imatrix), matrixName(want.Imatrix)))
	}
	for _, s := range f.Shards {
		out, ok := steps.Recorded(s.Path)
		if !ok {
			continue
		}
		if sum, err := steps.HashFile(s.Path); err != nil || sum != out.SHA256 {
			return cmp.Or(err, refuse("it was changed after bitmill run wrote it"))
		}
	}
	return nil
}

func matrixName(hash string) string {
	if hash == "" {
		return "no importance matrix"
	}
	return "importance matrix " + hash[:min(12, len(hash))]
}

// reuseNote says in a few words what did not have to be encoded; "" when everything had to.
func reuseNote(written []quantize.Written) string {
	kept, reused := 0, 0
	for _, w := range written {
		kept, reused = kept+w.Kept, reused+w.Reused
	}
	note := ""
	if kept > 0 {
		note = fmt.Sprintf("%d tensors were there already from writing that was interrupted", kept)
	}
	if reused > 0 {
		if note != "" {
			note += ", "
		}
		note += fmt.Sprintf("%d were copied from earlier artifacts", reused)
	}
	return note
}
