package checkpoint

import (
	"encoding/json"
	"os"
	"path/filepath"
	"reflect"
	"testing"

	"bitmill/formats/checkpoint/checkpointtest"
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
func TestAbout(t *testing.T) {
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
			checkpointtest.WriteFile(t, dir, "README.md", []byte(r.Readme))
		}
		if r.Generation != "" {
			checkpointtest.WriteFile(t, dir, "generation_config.json", []byte(r.Generation))
		}
		a, err := readAbout(dir, "", size{total: r.Parameters})
		if err != nil {
			t.Fatal(err)
		}
		m := new(gguf.Metadata)
		a.metadata(m)
		for i := range r.Metadata { // the file holds float32
			if v, ok := r.Metadata[i][2].(float64); ok && r.Metadata[i][1] == "FLOAT32" {
				r.Metadata[i][2] = float64(float32(v))
			}
		}
		t.Run(name, func(t *testing.T) { compareMetadata(t, m, golden{Metadata: r.Metadata}) })
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
