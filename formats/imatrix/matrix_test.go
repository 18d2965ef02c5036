package imatrix

import (
	"bytes"
	"crypto/sha256"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"

	"bitmill/formats/gguf"
)

func mustOpen(t testing.TB, name string) *Matrix {
	t.Helper()
	m, err := Open(filepath.Join("testdata", name))
	if err != nil {
		t.Fatal(err)
	}
	return m
}

// TestEncodePeer reads what llama-imatrix wrote and writes the same bytes.
func TestEncodePeer(t *testing.T) {
	for _, name := range []string{"demo-s.imatrix.gguf", "tiny.imatrix.gguf", "tiny-sum.imatrix.gguf"} {
		want, err := os.ReadFile(filepath.Join("testdata", name))
		if err != nil {
			t.Fatal(err)
		}
		m := mustOpen(t, name)
		path := filepath.Join(t.TempDir(), "x.gguf")
		if err := m.Write(path); err != nil {
			t.Fatal(err)
		}
		got, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		if !bytes.Equal(got, want) {
			t.Errorf("%s: written again, the bytes differ", name)
		}
		if err := m.Check(); err != nil {
			t.Error(err)
		}
	}
}

func TestOpenPeer(t *testing.T) {
	m := mustOpen(t, "demo-s.imatrix.gguf")
	if !reflect.DeepEqual(m.Datasets, []string{"text/calibration.txt"}) || m.Windows != 133 || m.WindowSize != 512 || len(m.Entries) != 21 {
		t.Errorf("%q, %d chunks of %d, %d entries", m.Datasets, m.Windows, m.WindowSize, len(m.Entries))
	}
	e, ok := m.Entry("blk.2.ffn_down.weight")
	if !ok || !reflect.DeepEqual(e.Counts, []float32{133 * 512}) {
		t.Fatalf("%+v", e)
	}
	if w := e.Weights(); w[7] != e.SumSquares[7]/(133*512) || len(w) != len(e.SumSquares) || w[7] <= 0 {
		t.Errorf("weights %v", w[:8])
	}
	if _, ok := m.Entry("blk.2.ffn_down"); ok {
		t.Error("an entry of another name was found")
	}
}

func TestWeights(t *testing.T) {
	e := Entry{SumSquares: []float32{2, 4, 5, 6, 7, 0}, Counts: []float32{2, 0, 3.6}} // 3.6 counts as 4
	if got, want := e.Weights(), []float32{1, 2, 1, 1, 1.75, 0}; !reflect.DeepEqual(got, want) {
		t.Errorf("got %v, want %v", got, want)
	}
	if e.Cols() != 2 || (&Entry{}).Cols() != 0 || len((&Entry{}).Weights()) != 0 {
		t.Error("columns")
	}
}

// TestSumOfPeer reads the sum of two matrices as llama-imatrix --in-file writes it, and writes the same.
func TestSumOfPeer(t *testing.T) {
	m := mustOpen(t, "tiny-sum.imatrix.gguf")
	once := mustOpen(t, "tiny.imatrix.gguf")
	for i, e := range m.Entries {
		for j, x := range once.Entries[i].SumSquares {
			if e.SumSquares[j] != x+x {
				t.Fatalf("entry %s: sum %d is %v, twice %v in the sum of both", e.Name, j, e.SumSquares[j], x)
			}
		}
	}
	want, err := os.ReadFile("testdata/tiny-sum.imatrix.gguf")
	if err != nil {
		t.Fatal(err)
	}
	if got, err := m.Encode(); err != nil || !bytes.Equal(got, want) {
		t.Errorf("the sum differs from llama-imatrix's: %v", err)
	}
}

func TestHashIsThatOfTheFile(t *testing.T) {
	m := &Matrix{Entries: []Entry{{"a", []float32{1, 0}, []float32{1, 0}}}}
	for range 2 {
		data, err := m.Encode()
		if err != nil {
			t.Fatal(err)
		}
		if got, err := m.Hash(); err != nil || got != fmt.Sprintf("%x", sha256.Sum256(data)) {
			t.Errorf("%s, %v", got, err)
		}
		m.Pool()
	}
	if got, err := (*Matrix)(nil).Hash(); got != "" || err != nil {
		t.Errorf("of no matrix: %q, %v", got, err)
	}
	if _, err := (&Matrix{Entries: []Entry{{"a", nil, nil}}}).Hash(); err == nil {
		t.Error("a matrix that cannot be written has a hash")
	}
}

func TestExtraKeys(t *testing.T) {
	m := &Matrix{Entries: []Entry{{"a", []float32{1}, []float32{1}}}, Extra: &gguf.Metadata{}}
	m.Extra.Set("bitmill.source", "x")
	b, err := m.Encode()
	if err != nil {
		t.Fatal(err)
	}
	again, err := Parse("x", b)
	if err != nil {
		t.Fatal(err)
	}
	if v, ok := again.Extra.Get("bitmill.source"); !ok || v != "x" || again.Extra.Len() != 1 {
		t.Errorf("extra keys %q", again.Extra.Keys())
	}
	m.Extra.Set(keyChunks, uint32(1))
	if _, err := m.Encode(); err == nil || !strings.Contains(err.Error(), keyChunks) {
		t.Errorf("a reserved key: %v", err)
	}
}

func TestEncodeRefuses(t *testing.T) {
	nan := float32(math.NaN())
	for says, m := range map[string]*Matrix{
		"occurs twice":         {Entries: []Entry{{"a", []float32{1}, []float32{1}}, {"a", []float32{1}, []float32{1}}}},
		"NaN":                  {Entries: []Entry{{"a", []float32{nan}, []float32{1}}}},
		"3 sums for 2 counts":  {Entries: []Entry{{"a", []float32{1, 2, 3}, []float32{1, 1}}}},
		"uint32":               {Windows: -1},
		"at most 63 bytes":     {Entries: []Entry{{strings.Repeat("n", 60), []float32{1}, []float32{1}}}},
		"0 sums for 1 counts":  {Entries: []Entry{{"a", nil, []float32{1}}}},
		"column 1 is -0.5":     {Entries: []Entry{{"a", []float32{1, -0.5}, []float32{1}}}},
		"count of matrix 1 is": {Entries: []Entry{{"a", []float32{1, 1}, []float32{1, nan}}}},
	} {
		path := filepath.Join(t.TempDir(), "x.gguf")
		if err := m.Write(path); err == nil || !strings.Contains(err.Error(), says) {
			t.Errorf("%v; want an error that says %q", err, says)
		}
		if _, err := os.Stat(path); err == nil {
			t.Errorf("%s: a file was left behind", says)
		}
	}
}
