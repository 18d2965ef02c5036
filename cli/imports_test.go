package cli

import (
	"go/parser"
	"go/token"
	"io/fs"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
)

// rule says what the packages below a path may import of the project. The longest matching path decides.
type rule struct {
	path   string
	may    []string // exact packages, or trees ending in /...
	reason string
}

var rules = []rule{
	{"formats", nil, "everybody uses these words, so they depend on nobody"},
	{"formats/file", []string{"formats/file/..."}, "the disk knows no formats"},
	{"formats/cpu", nil, "facts about the processor, nothing of what is computed"},
	{"formats/store", []string{"formats/file", "formats/store/..."}, "files and objects hold bytes, not formats"},
	{"formats/gguf", []string{"formats", "formats/file", "formats/store"}, "a container knows types, not what models do with them"},
	{"formats/safetensors", []string{"formats", "formats/file", "formats/pyjson", "formats/store"},
		"a container knows types, not what models do with them"},
	{"formats/pyjson", []string{"formats"}, "JSON and Go types, no meaning of keys"},
	{"formats/block", []string{"formats"}, "the meaning of a type's bytes"},
	{"formats/bpw", []string{"formats"}, "accounting needs shapes only"},
	{"formats/imatrix", []string{"formats", "formats/file", "formats/gguf", "formats/store"},
		"an imatrix is a GGUF file"},
	{"formats/tokenizer", []string{"formats", "formats/file", "formats/gguf", "formats/pyjson", "formats/store",
		"formats/tokenizer/pattern"},
		"vocabularies come from files and GGUF metadata"},
	{"formats/tokenizer/pattern", []string{"formats"}, "regular expressions, which know no vocabularies"},
	{"formats/prequant", []string{"formats", "formats/block", "formats/pyjson", "formats/safetensors"},
		"the meaning of stored codes and scales, not of the model around them"},
	{"formats/lora", []string{"formats", "formats/block", "formats/prequant", "formats/pyjson",
		"formats/safetensors", "formats/store"},
		"adds to matrices, knows no models"},
	{"formats/modelcard", []string{"formats/gguf", "formats/pyjson", "formats/store"},
		"texts about a model become GGUF metadata; the model itself is not needed"},
	{"formats/checkpoint/arch", []string{"formats", "formats/gguf", "formats/modelcard", "formats/prequant",
		"formats/pyjson", "formats/tokenizer"}, "architectures as data: no files and no weights"},
	{"formats/checkpoint", []string{"formats/..."}, "puts containers, tokenizers and types together"},
	{"formats/corpus", nil, "embedded files, nothing else"},
	{"formats/demo", nil, "embedded files, nothing else"},
	{"eval", []string{"formats/...", "eval/infer", "eval/kernel", "eval/score", "eval/sequential"},
		"runs artifacts; never makes them"},
	{"eval/score", nil, "what was measured, as numbers that add up"},
	{"eval/kernel", []string{"formats", "formats/block", "formats/cpu", "eval/kernel/layout", "eval/kernel/vec"},
		"products on blocks; formats/block is their specification"},
	{"eval/kernel/vec", []string{"formats/cpu"}, "functions of vectors, which know nothing of blocks and types"},
	{"eval/machine", []string{"formats/cpu"}, "memory, energy and peaks of the machine, nothing of models"},
	{"eval/infer", []string{"formats/...", "eval/kernel/...", "eval/machine"}, "the engine"},
	{"eval/bench", []string{"eval/infer", "eval/kernel", "eval/machine"}, "times the engine against the machine"},
	{"eval/diff", []string{"formats/..."}, "compares two model files, runs neither"},
	{"eval/verify", []string{"formats/..."}, "checks a model file, does not run it"},
	{"eval/sequential", nil, "pure statistics over series that grow"},
	{"eval/paired", []string{"eval/sequential"}, "pure statistics over series"},
	{"eval/gate", []string{"formats", "eval/paired", "eval/report", "eval/score", "eval/sequential"},
		"judges reports, measures nothing"},
	{"eval/pareto", []string{"formats", "eval/paired"}, "pure logic over candidates"},
	{"eval/task", []string{"formats/...", "eval/infer", "eval/kernel", "eval/paired"}, "runs artifacts on questions"},
	{"eval/locate", nil, "pure search over numbers"},
	{"eval/threshold", []string{"formats/bpw", "eval/locate", "eval/paired", "eval/sequential"}, "pure statistics over points"},
	{"eval/report", []string{"formats/...", "eval/score", "eval/task", "eval/threshold", "eval/paired", "eval/pareto"},
		"renders numbers, computes none"},
	{"calibrate", []string{"formats/...", "eval", "eval/infer", "eval/kernel"},
		"calibration runs the engine over the windows that evaluation would cut"},
	{"calibrate/oracle", []string{"formats/..."}, "independent of the engine that it judges"},
	{"quantize", []string{"formats/...", "quantize/encode/..."}, "meets calibrate in formats/imatrix only"},
	{"quantize/feedback", []string{"formats/...", "eval/infer", "eval/kernel", "quantize", "quantize/encode",
		"quantize/feedback/layout"},
		"runs the engine to choose levels, as calibrate does to weigh them"},
	{"quantize/probe", []string{"formats/...", "eval/infer", "eval/kernel", "quantize/encode"},
		"runs the engine with errors in its matrices; it chooses nothing"},
	{"quantize/tune", []string{"formats/...", "quantize/encode"},
		"whoever computes gradients gives them to it; it runs no model"},
	{"cli", []string{"formats/...", "eval/...", "calibrate/...", "quantize/...", "cli/..."}, "the top"},
	{"cli/pipeline", []string{"formats/...", "eval/...", "calibrate", "quantize", "quantize/encode", "quantize/feedback",
		"quantize/probe", "quantize/tune", "cli/steps"},
		"the main job, without flags and terminals"},
	{"cli/steps", []string{"formats/file", "formats/store"}, "records and journals know no models"},
}

// sealed are outside modules that only one package may import.
var sealed = []rule{
	{"formats/store", []string{"gocloud.dev/", "github.com/aws/"}, "nothing else knows where bytes lie"},
	{"eval/kernel/_asm", []string{"github.com/mmcloughlin/"}, "avo writes assembly; nothing that runs needs it"},
	{"calibrate/oracle", []string{"github.com/gomlx/"}, "gomlx moves its packages between versions"},
	{"tests of formats/tokenizer/pattern", []string{"github.com/dlclark/regexp2"}, "it judges the one engine of patterns"},
	{"cli", []string{"github.com/urfave/cli", "github.com/schollz/progressbar", "golang.org/x/term"},
		"no other package knows of terminals or flags"},
}

func TestImportsPointDown(t *testing.T) {
	checked := 0
	err := filepath.WalkDir("..", func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if d.IsDir() && (strings.HasPrefix(d.Name(), "_") || d.Name() == "testdata" || d.Name() == ".git") {
			return filepath.SkipDir
		}
		if !strings.HasSuffix(path, ".go") {
			return nil
		}
		rel, err := filepath.Rel("..", filepath.Dir(path))
		if err != nil {
			return err
		}
		pkg := filepath.ToSlash(rel)
		f, err := parser.ParseFile(token.NewFileSet(), path, nil, parser.ImportsOnly)
		if err != nil {
			return err
		}
		checked++
		for _, im := range f.Imports {
			name, err := strconv.Unquote(im.Path.Value)
			if err != nil {
				return err
			}
			if own, ok := strings.CutPrefix(name, "bitmill/"); ok {
				checkOwn(t, path, pkg, own)
			} else {
				checkSealed(t, path, pkg, name)
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if checked < 50 {
		t.Errorf("only %d files were checked: the walk does not see the project", checked)
	}
}

// checkOwn tests one import of the project. Tests may use the models that checkpointtest makes, and the demo.
func checkOwn(t *testing.T, path, pkg, imported string) {
	if pkg == imported || (strings.HasSuffix(path, "_test.go") && (strings.HasPrefix(imported, "formats/"))) {
		return
	}
	if strings.HasSuffix(path, "_test.go") && (imported == "eval/kernel/_asm/generated" ||
		pkg == "eval/kernel" && imported == "eval/machine") {
		return
	}
	if strings.Contains(imported, "checkpointtest") {
		t.Errorf("%s imports %s: only tests may", path, imported)
	}
	r := ruleFor(pkg)
	if r == nil {
		t.Errorf("%s: no import rule covers %s", path, pkg)
		return
	}
	for _, may := range r.may {
		if tree, ok := strings.CutSuffix(may, "/..."); imported == may || ok &&
			(imported == tree || strings.HasPrefix(imported, tree+"/")) {
			return
		}
	}
	t.Errorf("%s imports %s; %s may not (%s)", path, imported, r.path, r.reason)
}

func checkSealed(t *testing.T, path, pkg, imported string) {
	for _, s := range sealed {
		for _, prefix := range s.may {
			if strings.HasSuffix(path, "_test.go") && s.path == "tests of "+pkg {
				continue
			}
			if strings.HasPrefix(imported, prefix) && pkg != s.path {
				t.Errorf("%s imports %s; only %s may (%s)", path, imported, s.path, s.reason)
			}
		}
	}
}

func ruleFor(pkg string) *rule {
	var best *rule
	for i := range rules {
		r := &rules[i]
		if (pkg == r.path || strings.HasPrefix(pkg, r.path+"/")) && (best == nil || len(r.path) > len(best.path)) {
			best = r
		}
	}
	return best
}
