package cli

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"

	"bitmill/formats/checkpoint/checkpointtest"
)

// bomb builds GGUF and safetensors files byte by byte, so that they can claim what no writer would.
type bomb []byte

func (b bomb) u32(v ...uint32) bomb {
	for _, x := range v {
		b = binary.LittleEndian.AppendUint32(b, x)
	}
	return b
}

func (b bomb) u64(v ...uint64) bomb {
	for _, x := range v {
		b = binary.LittleEndian.AppendUint64(b, x)
	}
	return b
}

func (b bomb) str(s string) bomb { return append(b.u64(uint64(len(s))), s...) }

// header begins a GGUF file of the architecture llama: version 3, so many tensors, so many keys besides.
func header(tensors, keys uint64) bomb {
	return bomb("GGUF").u32(3).u64(tensors, keys+1).str("general.architecture").u32(8).str("llama")
}

func (b bomb) info(name string, kind uint32, offset uint64, shape ...uint64) bomb {
	return b.str(name).u32(uint32(len(shape))).u64(shape...).u32(kind).u64(offset)
}

// nested is an array in arrays, so deep; the type of an array is 9.
func nested(depth int) bomb {
	b := header(0, 1).str("a").u32(9)
	for range depth {
		b = b.u32(9).u64(1)
	}
	return b.u32(0).u64(0)
}

func indexed(weights string, header string) map[string]string {
	return map[string]string{"model.safetensors": weights,
		"model.safetensors.index.json": `{"weight_map":{` + header + `}}`}
}

// safetensor is a safetensors file with a header and some bytes of data.
func safetensor(header string, data int) string {
	return string(bomb{}.u64(uint64(len(header)))) + header + strings.Repeat("\x00", data)
}

// hostileFiles are small files that claim much. Those of a folder take the place of, or stand beside, the files of a
// small model; "model.gguf" is a file by itself.
func hostileFiles() map[string]map[string]string {
	gguf := func(b bomb) map[string]string { return map[string]string{"model.gguf": string(b)} }
	config := func(keys string) map[string]string {
		return map[string]string{"config.json": `{"model_type":"llama","architectures":["LlamaForCausalLM"],` + keys + `}`}
	}
	tokenizer := func(s string) map[string]string { return map[string]string{"tokenizer.json": s} }
	const most = 1<<63 - 1
	many := header(1000, 0)
	for range 1000 {
		many = many.info("a", 0, 0, 8)
	}
	const width = `"hidden_size":256,"intermediate_size":256,"num_attention_heads":4,"vocab_size":1024`
	return map[string]map[string]string{
		"tensors 2^63":              gguf(header(1<<63, 0)),
		"keys 2^63":                 gguf(header(0, most)),
		"keys 2^32":                 gguf(header(0, 1<<32)),
		"string of 2^62":            gguf(append(header(0, 1).u64(1<<62), "abc"...)),
		"string of a GiB":           gguf(append(header(0, 1).str("a").u32(8).u64(1<<30), "abc"...)),
		"array of 2^61":             gguf(header(0, 1).str("a").u32(9).u32(10).u64(1 << 61)),
		"array of strings 2^60":     gguf(header(0, 1).str("a").u32(9).u32(8).u64(1 << 60)),
		"arrays 8 deep":             gguf(nested(8)),
		"arrays 70 deep":            gguf(nested(70)),
		"one name a thousand times": gguf(many),
		"dimensions overflow":       gguf(header(1, 0).info("a", 0, 0, 1<<32, 1<<32, 1<<32, 1<<32)),
		"dimensions overflow to 0":  gguf(header(1, 0).info("a", 0, 0, 1<<32, 1<<32)),
		"dimension 2^64-1":          gguf(header(1, 0).info("a", 0, 0, 1<<64-1)),
		"4 billion dimensions":      gguf(header(1, 0).str("a").u32(1<<32 - 1)),
		"offset past the end":       gguf(header(1, 0).info("a", 0, 1<<62, 8)),
		"offset near 2^64":          gguf(header(1, 0).info("a", 0, 1<<64-32, 8)),
		"tensors overlap":           gguf(header(2, 0).info("a", 0, 0, 8).info("b", 0, 0, 8)),
		"alignment 2^31":            gguf(header(1, 1).str("general.alignment").u32(4).u32(1<<31).info("a", 0, 0, 8)),
		"alignment 0":               gguf(header(1, 1).str("general.alignment").u32(4).u32(0).info("a", 0, 0, 8)),
		"layers 2^32-1":             gguf(header(0, 1).str("llama.block_count").u32(4).u32(1<<32 - 1)),
		"experts 2^32-1":            gguf(header(0, 2).str("llama.block_count").u32(4).u32(4096).str("llama.expert_count").u32(4).u32(1<<32 - 1)),
		"65535 shards":              gguf(append(append(header(0, 2).str("split.no").u32(2), 0, 0).str("split.count").u32(2), 255, 255)),

		"header 2^63":          {"model.safetensors": string(bomb{}.u64(1 << 63))},
		"header past the end":  {"model.safetensors": string(bomb{}.u64(1<<27)) + "{}"},
		"shape overflows":      {"model.safetensors": safetensor(`{"a":{"dtype":"F32","shape":[4294967296,4294967296,4294967296],"data_offsets":[0,4]}}`, 4)},
		"shape 2^63":           {"model.safetensors": safetensor(`{"a":{"dtype":"F32","shape":[9223372036854775808],"data_offsets":[0,4]}}`, 4)},
		"offsets 2^64":         {"model.safetensors": safetensor(`{"a":{"dtype":"U8","shape":[4],"data_offsets":[0,18446744073709551615]}}`, 4)},
		"offsets swapped":      {"model.safetensors": safetensor(`{"a":{"dtype":"U8","shape":[4],"data_offsets":[4,0]}}`, 4)},
		"tensors in one place": {"model.safetensors": safetensor(`{"a":{"dtype":"U8","shape":[4],"data_offsets":[0,4]},"b":{"dtype":"U8","shape":[4],"data_offsets":[0,4]}}`, 4)},
		"one name twice":       {"model.safetensors": safetensor(`{"a":{"dtype":"U8","shape":[0],"data_offsets":[0,0]},"a":{"dtype":"U8","shape":[0],"data_offsets":[0,0]}}`, 0)},
		"deep header":          {"model.safetensors": safetensor(strings.Repeat(`{"a":`, 100000), 0)},
		"deep shape":           {"model.safetensors": safetensor(`{"a":{"dtype":"U8","shape":`+strings.Repeat("[", 100000), 0)},
		"index above":          indexed("", `"a":"../model.safetensors"`),
		"index absolute":       indexed("", `"a":"/etc/passwd"`),
		"index device":         indexed("", `"a":"/dev/zero"`),
		"index folder":         indexed("", `"a":"."`),
		"index hidden above":   indexed("", `"a":"x/../../model.safetensors"`),
		"index with NUL":       indexed("", `"a":"a\u0000.safetensors"`),

		"config deep":       {"config.json": strings.Repeat(`{"a":[`, 200000)},
		"config huge digit": config(`"num_hidden_layers":` + strings.Repeat("9", 100000) + "," + width),
		"config 2^63":       config(`"num_hidden_layers":9223372036854775807,` + width),
		"config layers":     config(`"num_hidden_layers":1000000000,` + width),
		"config negative":   config(`"num_hidden_layers":-1,` + width),
		"config 1e308":      config(`"num_hidden_layers":1e308,` + width),
		"config heads":      config(`"num_hidden_layers":2,"head_dim":2147483647,` + width),
		"config experts": {"config.json": `{"model_type":"qwen3_moe","architectures":["Qwen3MoeForCausalLM"],"num_experts":2000000000,` +
			`"num_experts_per_tok":8,"moe_intermediate_size":64,"num_hidden_layers":4096,"num_key_value_heads":4,` + width + `}`},
		"config duplicates": config(strings.Repeat(`"num_hidden_layers":2,`, 10000) + width),

		"token 2^31-1":     tokenizer(`{"model":{"type":"BPE","vocab":{"a":2147483647},"merges":[]}}`),
		"token 2^24-1":     tokenizer(`{"model":{"type":"BPE","vocab":{"a":16777215},"merges":[]},"pre_tokenizer":{"type":"ByteLevel"}}`),
		"token 2^63":       tokenizer(`{"model":{"type":"BPE","vocab":{"a":9223372036854775807},"merges":[]}}`),
		"token -1":         tokenizer(`{"model":{"type":"BPE","vocab":{"a":-1},"merges":[]}}`),
		"added 2^31-1":     tokenizer(`{"added_tokens":[{"id":2147483647,"content":"a"}],"model":{"type":"BPE","vocab":{"a":0},"merges":[]}}`),
		"merges of merges": tokenizer(doublings(40)),
		"deep normalizer":  tokenizer(`{"model":{"type":"BPE","vocab":{"a":0},"merges":[]},"normalizer":` + strings.Repeat(`{"type":"Sequence","normalizers":[`, 5000)),
		"regex":            tokenizer(`{"model":{"type":"BPE","vocab":{"a":0},"merges":[]},"pre_tokenizer":{"type":"Split","behavior":"Isolated","pattern":{"Regex":"(((((a{1,1000}){1,1000}){1,1000}){1,1000}){1,1000})"}}}`),
		"regex deep":       tokenizer(`{"model":{"type":"BPE","vocab":{"a":0},"merges":[]},"pre_tokenizer":{"type":"Split","behavior":"Isolated","pattern":{"Regex":"` + strings.Repeat("(", 50000) + `"}}}`),
		"replace grows": tokenizer(`{"model":{"type":"BPE","vocab":{"a":0},"merges":[]},"pre_tokenizer":{"type":"ByteLevel"},"normalizer":{"type":"Sequence","normalizers":[` +
			strings.TrimSuffix(strings.Repeat(`{"type":"Replace","pattern":{"String":"a"},"content":"aaaaaaaaaaaaaaaa"},`, 12), ",") + `]}}`),
		"rank 2^31": {"tokenizer.json": "", "qwen.tiktoken": "YQ== 2147483647\n"},
		"tekken":    {"tokenizer.json": "", "tekken.json": `{"config":{"pattern":"a","default_vocab_size":2147483647,"default_num_special_tokens":2147483647},"vocab":[]}`},

		"card bomb": {"README.md": "---\na: &a [x,x,x,x,x,x,x,x,x]\n" + yamlBombs("abcdefghij") + "tags: *j\n---\n"},
		"card deep": {"README.md": "---\ntags: " + strings.Repeat("[", 20000) + "\n---\n"},
	}
}

// yamlBombs makes each letter stand for nine of the one before.
func yamlBombs(letters string) (s string) {
	for i := 1; i < len(letters); i++ {
		s += fmt.Sprintf("%c: &%c [%s*%c]\n", letters[i], letters[i], strings.Repeat(fmt.Sprintf("*%c,", letters[i-1]), 8), letters[i-1])
	}
	return s
}

// doublings is a tokenizer.json whose tokens are each twice as long as the one before, as far as a file can name them.
func doublings(n int) string {
	vocab, merges := []string{`"a":0`}, []string{}
	for i, t := 1, "a"; i <= min(n, 14); i, t = i+1, t+t {
		vocab, merges = append(vocab, fmt.Sprintf("%q:%d", t+t, i)), append(merges, fmt.Sprintf("%q", t+" "+t))
	}
	for i := range n * 100 {
		merges = append(merges, merges[i%len(merges)])
	}
	return `{"model":{"type":"BPE","vocab":{` + strings.Join(vocab, ",") + `},"merges":[` + strings.Join(merges, ",") +
		`]},"pre_tokenizer":{"type":"ByteLevel"}}`
}

// TestHostileFiles: whatever a small file claims, the commands that read it end soon with one sentence or a result,
// and allocate little more than for a good file: some multiple of the file's size.
func TestHostileFiles(t *testing.T) {
	model := checkpointtest.Load(t, "llama").FolderWithTokenizer(t)
	allocated := func(args ...string) (code int, stderr string, bytes_ uint64) {
		var out, errs bytes.Buffer
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		code = Main(append([]string{"bitmill"}, args...), &out, &errs)
		runtime.ReadMemStats(&after)
		return code, errs.String(), after.TotalAlloc - before.TotalAlloc
	}
	if code, stderr, _ := allocated("inspect", model); code != 0 {
		t.Fatal(stderr)
	}
	_, _, usual := allocated("inspect", model)
	refused := 0
	for name, files := range hostileFiles() {
		dir, size := t.TempDir(), 0
		path := dir
		if _, ok := files["model.gguf"]; ok {
			path = filepath.Join(dir, "model.gguf")
		} else if err := os.CopyFS(dir, os.DirFS(model)); err != nil {
			t.Fatal(err)
		}
		for file, data := range files {
			size += len(data)
			err := os.WriteFile(filepath.Join(dir, file), []byte(data), 0o644)
			if data == "" {
				err = os.Remove(filepath.Join(dir, file))
			}
			if err != nil {
				t.Fatal(err)
			}
		}
		start := time.Now()
		for _, args := range [][]string{{"inspect", path}, {"verify", path}, {"plan", path, "-f", "Q4_K_M"}, {"tokenize", path, "--text", "aaaaaaaa"}} {
			code, stderr, bytes := allocated(args...)
			if code != exitOK {
				refused++
			}
			most := usual + 4<<20 + uint64(size)*96
			if args[0] == "verify" {
				most += 32 << 20 // what a model of 4096 layers, the most that there may be, should have
			}
			if bytes > most || strings.Contains(stderr, "goroutine") ||
				len(stderr) > 4096 || code > exitIncomplete {
				t.Errorf("%s: %s allocates %.1f MB of at most %.1f, exit code %d\n%.1000s", name, args[0], float64(bytes)/1e6,
					float64(most)/1e6, code, stderr)
			}
		}
		if took := time.Since(start); took > 20*time.Second {
			t.Errorf("%s takes %v", name, took)
		}
	}
	t.Logf("%d files, %d refusals; a good file takes %.1f MB", len(hostileFiles()), refused, float64(usual)/1e6)
}
