package checkpoint

import (
	"bytes"
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"

	"bitmill/formats/checkpoint/checkpointtest"
	"bitmill/formats/gguf"
)

// golden is what llama.cpp's converter (--outtype bf16) wrote for a case: metadata as [key, type, value] in order,
// arrays by length and hash; tensors as [name, type, shape, hash of the data] in order. The tokenizer was the one of
// checkpointtest, with its pre-tokenizer taken for llama-bpe.
type golden struct {
	Metadata [][3]any `json:"metadata"`
	Tensors  [][4]any `json:"tensors"`
}

func loadGolden(t *testing.T, name string) golden {
	t.Helper()
	data, err := os.ReadFile(filepath.Join("testdata/convert", name+".json"))
	if err != nil {
		t.Fatal(err)
	}
	var g golden
	if err := json.Unmarshal(data, &g); err != nil {
		t.Fatal(err)
	}
	return g
}

// converterCases lists the cases that have a golden file.
func converterCases(t *testing.T) (names []string) {
	t.Helper()
	files, err := filepath.Glob("testdata/convert/*.json")
	if err != nil || len(files) < 14 {
		t.Fatal(files, err)
	}
	for _, f := range files {
		if name := strings.TrimSuffix(filepath.Base(f), ".json"); name != "demo-s" {
			names = append(names, name)
		}
	}
	return names
}

func TestConverterMetadataAndTensors(t *testing.T) {
	for _, name := range converterCases(t) {
		t.Run(name, func(t *testing.T) {
			c := open(t, checkpointtest.Load(t, name).FolderWithTokenizer(t))
			g := loadGolden(t, name)
			compareMetadata(t, c.Metadata, g)
			compareTensors(t, c, g)
		})
	}
}

func open(t testing.TB, path string) *Checkpoint {
	t.Helper()
	return openWith(t, path, OpenOptions{})
}

func openWith(t testing.TB, path string, o OpenOptions) *Checkpoint {
	t.Helper()
	c, err := OpenWith(path, o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	return c
}

func compareMetadata(t *testing.T, m *gguf.Metadata, g golden) {
	t.Helper()
	var got, want []string
	for _, key := range m.Keys() {
		v, _ := m.Get(key)
		got = append(got, fmt.Sprintf("%s %s", key, describe(v)))
	}
	for _, row := range g.Metadata {
		want = append(want, fmt.Sprintf("%s %s %s", row[0], row[1], compact(t, row[2])))
	}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("metadata:\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
}

// describe writes a value as the golden files do: type, then JSON; long arrays by length and hash.
func describe(v any) string {
	kind := map[string]string{"uint32": "UINT32", "int32": "INT32", "float32": "FLOAT32", "bool": "BOOL", "string": "STRING"}
	rv := reflect.ValueOf(v)
	if rv.Kind() != reflect.Slice {
		if f, ok := v.(float32); ok {
			v = float64(f)
		}
		b, _ := json.Marshal(v)
		return kind[rv.Kind().String()] + " " + string(b)
	}
	kindName := "ARRAY/" + kind[rv.Type().Elem().Kind().String()]
	var items []string
	for i := range rv.Len() {
		var b bytes.Buffer
		e := json.NewEncoder(&b)
		e.SetEscapeHTML(false)
		item := rv.Index(i).Interface()
		if f, ok := item.(float32); ok {
			item = float64(f)
		}
		if e.Encode(item) != nil { // minus infinity
			b.WriteString(`"-Infinity"`)
		}
		items = append(items, strings.TrimSpace(b.String()))
	}
	all := "[" + strings.Join(items, ", ") + "]"
	if rv.Len() > 64 {
		return fmt.Sprintf(`%s {"length":%d,"sha256":"%x"}`, kindName, rv.Len(), sha256.Sum256([]byte(all)))
	}
	return kindName + " [" + strings.Join(items, ",") + "]"
}

func compact(t *testing.T, v any) string {
	b, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

// corrected are tensors whose rows the converter puts in an order in which its own programs compute something else than
// the model does, or with exponentials that its library does not round to the nearest number (see families.go).
var corrected = []string{"Bamba blk.1.attn_q.weight", "Bamba blk.1.attn_k.weight", "Qwen3 5 Wrapped blk.0.ssm_a"}

func compareTensors(t *testing.T, c *Checkpoint, g golden) {
	t.Helper()
	if len(c.Tensors) != len(g.Tensors) {
		t.Fatalf("%d tensors, want %d", len(c.Tensors), len(g.Tensors))
	}
	for i := range c.Tensors {
		x := &c.Tensors[i]
		size, err := x.Tensor.Bytes()
		if err != nil {
			t.Fatal(err)
		}
		data := make([]byte, size)
		if err := x.ReadRows(data, 0, x.Rows()); err != nil {
			t.Fatal(err)
		}
		w := g.Tensors[i]
		got := fmt.Sprintf("%s %s %s %x", x.Name, x.Type, strings.ReplaceAll(fmt.Sprint(x.Shape), " ", ","), sha256.Sum256(data))
		want := fmt.Sprintf("%s %s %s %s", w[0], w[1], compact(t, w[2]), w[3])
		if got != want && !slices.Contains(corrected, g.Metadata[2][2].(string)+" "+x.Name) {
			t.Errorf("tensor %d:\n     %s\nwant %s", i, got, want)
		}
	}
}
