package quantize

import (
	"bufio"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"bitmill/formats"
	"bitmill/formats/checkpoint"
	"bitmill/formats/checkpoint/arch"
	"bitmill/formats/gguf"
)

// snapshot is one file of testdata/snapshots (see the README there).
type snapshot struct {
	model   string
	sizes   map[string]int
	tensors []string
	formats []snapshotFormat
}

type snapshotFormat struct {
	name    string
	byType  formats.Type
	special map[string]formats.Type
}

func readSnapshot(t *testing.T, path string) *snapshot {
	t.Helper()
	f, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	s := &snapshot{sizes: map[string]int{}}
	lines := bufio.NewScanner(f)
	for lines.Scan() {
		line := lines.Text()
		words := strings.Fields(line)
		switch {
		case words[0] == "#" && s.model == "":
			s.model = words[1]
		case words[0] == "#":
			for _, w := range words[1:] {
				key, value, _ := strings.Cut(w, "=")
				s.sizes[key] = atoi(t, value)
			}
		case line == "[tensors]":
		case words[0][0] == '[':
			s.formats = append(s.formats, snapshotFormat{strings.Trim(words[0], "[]"), typeNamed(t, words[1]), map[string]formats.Type{}})
		case len(s.formats) == 0:
			s.tensors = append(s.tensors, expand(t, words[0], words[1:])...)
		default:
			for _, name := range expand(t, words[1], words[2:]) {
				s.formats[len(s.formats)-1].special[name] = typeNamed(t, words[0])
			}
		}
	}
	if len(s.tensors) == 0 || len(s.formats) != 33 {
		t.Fatalf("%s: %d tensors, %d formats", path, len(s.tensors), len(s.formats))
	}
	return s
}

// expand turns "0-2,5" and part names into tensor names; "-" is outside layers.
func expand(t *testing.T, layers string, names []string) []string {
	if layers == "-" {
		return names
	}
	var list []string
	for _, r := range strings.Split(layers, ",") {
		from, to, isRange := strings.Cut(r, "-")
		if !isRange {
			to = from
		}
		for i := atoi(t, from); i <= atoi(t, to); i++ {
			for _, n := range names {
				list = append(list, fmt.Sprintf("blk.%d.%s", i, n))
			}
		}
	}
	return list
}

func atoi(t *testing.T, s string) (n int) {
	t.Helper()
	if _, err := fmt.Sscan(s, &n); err != nil {
		t.Fatal(err)
	}
	return n
}

func typeNamed(t *testing.T, name string) formats.Type {
	t.Helper()
	typ, err := formats.ParseType(name)
	if err != nil {
		t.Fatal(err)
	}
	return typ
}

// rowLengths are the models' row lengths that do not divide into blocks of 256, by part of the name; the first that
// occurs in it decides, "" always does. All other rows stand in with 1024.
var rowLengths = map[string][]struct {
	part string
	cols int64
}{
	"DeepSeek-V3.1":           {{"attn_k_b", 128}},
	"GLM-4.6V":                {{"ffn_down_exps", 1408}, {"ffn_down_shexp", 1408}, {"ffn_down", 10944}},
	"gpt-oss-120b":            {{"attn_output", 4096}, {"", 2880}},
	"Nemotron-Nano-3-30B-A3B": {{"attn_output", 4096}, {"ssm_out", 4096}, {"ffn_down_exps", 1856}, {"ffn_down_shexp", 3712}, {"", 2688}},
}

func (s *snapshot) shape(name string) []int64 {
	shape := []int64{1024, 32}
	for _, r := range rowLengths[s.model] {
		if strings.Contains(name, r.part) {
			shape[0] = r.cols
			break
		}
	}
	if strings.Contains(name, "_exps") || strings.Contains(name, "attn_k_b.") || strings.Contains(name, "attn_v_b.") {
		shape = append(shape, 4)
	}
	return shape
}

func (s *snapshot) checkpoint() *checkpoint.Checkpoint {
	name := "other"
	if strings.HasPrefix(s.model, "Meta-Llama") {
		name = "llama"
	}
	c := &checkpoint.Checkpoint{
		Config:   arch.Config{Arch: name, Layers: s.sizes["layer"], Heads: s.sizes["head"]},
		Metadata: new(gguf.Metadata),
	}
	c.Metadata.Set(name+".attention.head_count_kv", uint32(s.sizes["head_kv"]))
	c.Metadata.Set(name+".expert_count", uint32(s.sizes["expert"]))
	for _, name := range s.tensors {
		c.Tensors = append(c.Tensors, checkpoint.Tensor{Tensor: formats.Tensor{Name: name, Type: formats.F32, Shape: s.shape(name)}})
	}
	return c
}

// TestSnapshots compares every tensor's type in every format with llama.cpp's own expectations.
func TestSnapshots(t *testing.T) {
	paths, err := filepath.Glob("testdata/snapshots/*.txt")
	if err != nil || len(paths) != 12 {
		t.Fatalf("%d snapshots, %v", len(paths), err)
	}
	for _, path := range paths {
		s := readSnapshot(t, path)
		t.Run(s.model, func(t *testing.T) {
			c := s.checkpoint()
			for _, f := range s.formats {
				// llama.cpp's test asks for types only; so no matrix is needed.
				r, err := newResolver(c, nil, Options{Format: f.name})
				if err != nil {
					t.Fatal(err)
				}
				wrong := 0
				for _, i := range fileOrder(c.Tensors) {
					p, err := r.resolve(c.Tensors[i].Tensor)
					if err != nil {
						t.Fatal(err)
					}
					want, ok := f.special[p.Name]
					if !ok {
						want = f.byType
					}
					if p.Type != want {
						if wrong++; wrong <= 3 {
							t.Errorf("%s: %s is %s (%s), want %s", f.name, p.Name, p.Type, p.Reason, want)
						}
					}
				}
				if wrong > 3 {
					t.Errorf("%s: %d tensors differ", f.name, wrong)
				}
			}
		})
	}
}
