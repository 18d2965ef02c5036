package quantize

import (
	"compress/gzip"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"bitmill/formats"
	"bitmill/formats/checkpoint"
	"bitmill/formats/checkpoint/checkpointtest"
	"bitmill/formats/gguf"
	"bitmill/formats/imatrix"
)

// run is what llama-quantize wrote in one run (see testdata/golden/README.md).
type run struct {
	Error     bool                    `json:"error"`
	FileBytes int64                   `json:"file_bytes"`
	Tensors   map[string]tensorRecord `json:"tensors"`
}

type tensorRecord struct {
	typ    formats.Type
	bytes  int64
	sha256 string
}

func (r *tensorRecord) UnmarshalJSON(b []byte) error {
	var name string
	if err := json.Unmarshal(b, &[]any{&name, &r.bytes, &r.sha256}); err != nil {
		return err
	}
	var err error
	r.typ, err = formats.ParseType(name)
	return err
}

func readGolden(t *testing.T, name string) map[string]run {
	t.Helper()
	f, err := os.Open("testdata/golden/" + name + ".json.gz")
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	z, err := gzip.NewReader(f)
	if err != nil {
		t.Fatal(err)
	}
	var runs map[string]run
	if err := json.NewDecoder(z).Decode(&runs); err != nil {
		t.Fatal(err)
	}
	return runs
}

// options of a golden key: FORMAT[+imatrix][+pure]. The matrix's path is in the artifact; the peer's was about so long.
func options(name, key string) (o Options, imatrix bool) {
	words := strings.Split(key, "+")
	imatrix = slices.Contains(words, "imatrix")
	return Options{Format: words[0], Pure: slices.Contains(words, "pure"), ImatrixFile: "/tmp/" + name + ".imatrix.gguf"}, imatrix
}

func openCase(t *testing.T, name string) *checkpoint.Checkpoint {
	t.Helper()
	c, err := checkpoint.Open(checkpointtest.Load(t, name).FolderWithTokenizer(t))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	return c
}

func openMatrix(t *testing.T, name string) *imatrix.Matrix {
	t.Helper()
	m, err := imatrix.Open("testdata/golden/" + name + ".imatrix.gguf")
	if err != nil {
		t.Fatal(err)
	}
	return m
}

// TestGoldenPlans compares types and sizes of every run, and that what the peer refuses is refused.
func TestGoldenPlans(t *testing.T) {
	for _, name := range []string{"llama", "llama-narrow"} {
		c, matrix := openCase(t, name), openMatrix(t, name)
		for key, want := range readGolden(t, name) {
			o, withImatrix := options(name, key)
			var m *imatrix.Matrix
			if withImatrix {
				m = matrix
			}
			p, err := NewPlan(c, m, o)
			if want.Error {
				if err == nil {
					t.Errorf("%s %s: planned, but llama-quantize refuses", name, key)
				}
				continue
			}
			if err != nil {
				t.Errorf("%s %s: %v", name, key, err)
				continue
			}
			for _, got := range p.Tensors {
				if w := want.Tensors[got.Name]; got.Type != w.typ || got.Size != w.bytes {
					t.Errorf("%s %s: %s is %s (%s), %d bytes, want %s, %d", name, key, got.Name, got.Type, got.Reason, got.Size, w.typ, w.bytes)
				}
			}
			if len(p.Tensors) != len(want.Tensors) || p.FileBytes != want.FileBytes {
				t.Errorf("%s %s: %d tensors in %d bytes, want %d in %d", name, key, len(p.Tensors), p.FileBytes, len(want.Tensors), want.FileBytes)
			}
		}
	}
}

// TestGoldenFiles writes every artifact that llama-quantize writes, all from one read of the source, and compares every
// tensor's hash.
func TestGoldenFiles(t *testing.T) {
	for _, name := range []string{"llama", "llama-narrow"} {
		t.Run(name, func(t *testing.T) {
			c, matrix := openCase(t, name), openMatrix(t, name)
			runs := readGolden(t, name)
			artifacts := goldenJobs(t, name, c, matrix, runs)
			if len(artifacts) < 100 {
				t.Fatalf("only %d runs are compared", len(artifacts))
			}
			written, err := Write(context.Background(), c, matrix, artifacts, WriteOptions{})
			if err != nil {
				t.Fatal(err)
			}
			for _, w := range written {
				want := runs[filepath.Base(w.Path)]
				compare(t, w, want)
				if w.Bytes != want.FileBytes {
					t.Errorf("%s: %d bytes, want %d", filepath.Base(w.Path), w.Bytes, want.FileBytes)
				}
			}
		})
	}
}

// goldenJobs plans every run that llama-quantize does not refuse, into files named by the runs.
func goldenJobs(t *testing.T, name string, c *checkpoint.Checkpoint, matrix *imatrix.Matrix, runs map[string]run) []Artifact {
	t.Helper()
	dir := t.TempDir()
	var artifacts []Artifact
	for key, want := range runs {
		if want.Error {
			continue
		}
		o, withImatrix := options(name, key)
		m := matrix
		if !withImatrix {
			m = nil
		}
		p, err := NewPlan(c, m, o)
		if err != nil {
			t.Fatalf("%s: %v", key, err)
		}
		artifacts = append(artifacts, Artifact{Plan: p, Path: filepath.Join(dir, key)})
	}
	return artifacts
}

func compare(t *testing.T, w Written, want run) {
	t.Helper()
	key := filepath.Base(w.Path)
	data, err := os.ReadFile(w.Path)
	if err != nil {
		t.Fatal(err)
	}
	if sum := sha256.Sum256(data); hex.EncodeToString(sum[:]) != w.SHA256 || int64(len(data)) != w.Bytes {
		t.Errorf("%s: reported %s, %d bytes; the file is %x, %d bytes", key, w.SHA256, w.Bytes, sum, len(data))
	}
	f, err := gguf.Open(w.Path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if len(f.Tensors) != len(want.Tensors) {
		t.Errorf("%s: %d tensors, want %d", key, len(f.Tensors), len(want.Tensors))
	}
	for _, got := range f.Tensors {
		sum := sha256.Sum256(got.Data)
		if hash := hex.EncodeToString(sum[:]); hash != want.Tensors[got.Name].sha256 {
			t.Errorf("%s: %s %s: hash %s, want %s", key, got.Name, got.Type, hash, want.Tensors[got.Name].sha256)
		}
	}
}
