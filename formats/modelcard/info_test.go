package modelcard

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"

	"bitmill/formats/gguf"
)

// testdata/names.json was written with gguf-py's Metadata.get_model_id_components and id_to_title.
func TestSplitID(t *testing.T) {
	var rows []struct {
		ID                                                          string
		Parameters                                                  int64
		Name, Organization, Basename, Finetune, Version, Size_Label string
	}
	readJSON(t, "names.json", &rows)
	for _, r := range rows {
		p := splitID(r.ID, r.Parameters)
		got := []string{title(p.Name), title(p.Organization), p.Basename, p.Finetune, p.Version, p.SizeLabel}
		want := []string{r.Name, r.Organization, r.Basename, r.Finetune, r.Version, r.Size_Label}
		if !reflect.DeepEqual(got, want) {
			t.Errorf("%s (%d parameters):\n     %q\nwant %q", r.ID, r.Parameters, got, want)
		}
	}
	if len(rows) < 40 {
		t.Errorf("only %d rows", len(rows))
	}
}

// testdata/cards.json holds made-up model cards and what gguf-py's Metadata.load and set_gguf_meta_model made of them.
func TestInfo(t *testing.T) {
	var rows map[string]struct {
		Parameters         int64
		Readme, Generation string
		Metadata           [][3]any
	}
	readJSON(t, "cards.json", &rows)
	for name, r := range rows {
		dir := filepath.Join(t.TempDir(), name)
		if err := os.Mkdir(dir, 0o777); err != nil {
			t.Fatal(err)
		}
		if r.Readme != "" {
			write(t, dir, "README.md", r.Readme)
		}
		if r.Generation != "" {
			write(t, dir, "generation_config.json", r.Generation)
		}
		info, err := Read(dir, "", Size{Total: r.Parameters})
		if err != nil || info.Warnings != nil {
			t.Fatal(err, info.Warnings)
		}
		m := new(gguf.Metadata)
		info.AddTo(m)
		var got, want []string
		for _, key := range m.Keys() {
			v, _ := m.Get(key)
			got = append(got, fmt.Sprintf("%s %T %v", key, v, v))
		}
		for _, row := range r.Metadata {
			v := row[2]
			if number, ok := v.(float64); ok {
				v = map[any]any{"FLOAT32": float32(number), "INT32": int32(number), "UINT32": uint32(number)}[row[1]]
			} else if list, ok := v.([]any); ok {
				items := make([]string, len(list))
				for i, item := range list {
					items[i] = item.(string)
				}
				v = items
			}
			want = append(want, fmt.Sprintf("%s %T %v", row[0], v, v))
		}
		if !slices.Equal(got, want) {
			t.Errorf("%s:\n%s\nwant\n%s", name, strings.Join(got, "\n"), strings.Join(want, "\n"))
		}
	}
}

func TestCard(t *testing.T) {
	for text, want := range map[string]card{
		"no front matter": {}, "---": {}, "---\n": {}, "---\n- a list\n---\n": {},
		"---\r\nlicense: mit\r\nversion: 1.10\r\n---\r\nname: body\r\n":         {"license": "mit", "version": "1.10"},
		"---\nlanguage: no\ntags:\n-\tno\n- [a]\ndatasets: [no, '', yes]\n":     {"language": "no", "datasets": []string{"no", "yes"}},
		"---\nbase_model: ~\nwidget:\n- text: x\nx: &y z\nname: *y\n---\n":      {"base_model": nil, "x": "z", "name": "z"},
		"---\ndescription: >\n  two\n  lines\nmodel-index: {a: b}\n---\nbody\n": {"description": "two lines\n"},
	} {
		if got, err := parseCard(text); err != nil || !reflect.DeepEqual(got, want) {
			t.Errorf("%q: %#v, %v, want %#v", text, got, err, want)
		}
	}
	dir := t.TempDir()
	write(t, dir, "README.md", "---\nlicense: [mit\n---\n")
	info, err := Read(dir, "org/Base-7B", Size{Total: 7e9})
	if err != nil || len(info.Warnings) != 1 || !strings.Contains(info.Warnings[0], "README.md") || info.Name != "Base 7B" {
		t.Errorf("a broken card: %+v, %v", info, err)
	}
}

func TestSizeLabel(t *testing.T) {
	for n, want := range map[int64]string{
		1: "0.00K", 999: "1.0K", 12345: "12K", 999499: "999K", 1000000: "1000K", 1000001: "1.0M", 9949999: "10M", 9950000: "10M",
		134515008: "135M", 999999999: "1000M", 1100048384: "1.1B", 8030261312: "8.0B", 70553706560: "71B", 1234567890123: "1.2T",
	} {
		if got := sizeLabel(n); got != want {
			t.Errorf("%d: %s, want %s", n, got, want)
		}
	}
}

func readJSON(t *testing.T, name string, v any) {
	t.Helper()
	data, err := os.ReadFile(filepath.Join("testdata", name))
	if err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(data, v); err != nil {
		t.Fatal(err)
	}
}

func write(t *testing.T, dir, name, text string) {
	t.Helper()
	if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o666); err != nil {
		t.Fatal(err)
	}
}
