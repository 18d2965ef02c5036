package cli

import (
	"slices"
	"strings"
)

// Titles of groups that are not in flagTitles by name.
const (
	otherTitle  = "flags"
	commonTitle = "of every command"
)

// flagTitles are the groups of flags in help, in order. Flags that none names are otherTitle.
var flagTitles = []struct{ title, names string }{
	{otherTitle, ""},
	{"formats, types and methods", "formats format types method damping fit-tokens starts passes target-bpw target-size pure " +
		"tensor-type tensor-type-file output-tensor-type token-embedding-type leave-output-tensor"},
	{"texts and importance weights", "calibration text ctx chunks windows tasks imatrix no-imatrix include-weights " +
		"exclude-weights"},
	{"what is measured", "until locate keep-probes kld-budget budget bench compare-methods no-noise-floor reference " +
		"activations oracle"},
	{"how models are read", "allow-requantize lora no-vocab mtp no-mtp override-kv kernel"},
	{"files", "output reuse keep-split split-max-size max-memory no-provenance force strict dry-run"},
	{commonTitle, "json quiet threads"},
}

// titleOf is the group of a flag.
func titleOf(name string) string {
	for _, t := range flagTitles {
		if slices.Contains(strings.Fields(t.names), name) {
			return t.title
		}
	}
	return otherTitle
}

// examples are two or three commands for each one that has flags worth showing.
var examples = map[string][]string{
	"run": {
		"bitmill run -o out                                       the embedded demo",
		"bitmill run Qwen3-0.6B -o out -f Q4_K_M,Q3_K_M -t eval.txt --calibration calib.txt",
		"bitmill run small/ large/ -o out --budget rules.yaml     a family, against a budget",
	},
	"plan": {
		"bitmill plan Qwen3-0.6B",
		"bitmill plan config.json -f Q4_K_M --tensors",
		"bitmill plan Qwen3-0.6B --target-size 400MB",
	},
	"convert": {
		"bitmill convert Qwen3-0.6B qwen3-BF16.gguf",
		"bitmill convert base/ merged.gguf --lora adapter/",
	},
	"calibrate": {
		"bitmill calibrate Qwen3-0.6B -t calib.txt -o imatrix.gguf",
		"cat *.md | bitmill calibrate model.gguf -t - -o imatrix.gguf",
	},
	"quantize": {
		"bitmill quantize Qwen3-0.6B out.gguf -f Q4_K_M --imatrix imatrix.gguf",
		"bitmill quantize Qwen3-0.6B out.gguf --target-size 400MB --imatrix imatrix.gguf",
		"bitmill quantize Qwen3-0.6B out.gguf -f Q3_K_S --method feedback --calibration calib.txt",
	},
	"eval": {
		"bitmill eval q4.gguf q3.gguf --reference Qwen3-0.6B -t eval.txt",
		"bitmill eval q4.gguf --tasks hellaswag.jsonl --reference Qwen3-0.6B",
	},
	"bench": {
		"bitmill bench q4.gguf q8.gguf",
		"bitmill bench q4.gguf -p 2048 -n 64 --json",
	},
	"threshold": {
		"bitmill threshold out/report.json",
		"bitmill threshold small.json large.json",
	},
	"check": {
		"bitmill check out/report.json --budget rules.yaml",
		"bitmill check new.json --baseline old.json --junit gate.xml",
	},
	"report": {
		"bitmill report old/report.json new/report.json -o changes.html",
		"bitmill report monday.json tuesday.json wednesday.json --markdown trend.md",
	},
	"recommend": {
		"bitmill recommend out/report.json --ram 8GiB",
		"bitmill recommend out/report.json --max-kld 0.02",
	},
	"batch": {
		"bitmill batch jobs.yaml -o out --dry-run",
		"bitmill batch jobs.yaml -o out",
	},
	"inspect": {
		"bitmill inspect model.gguf",
		"bitmill inspect Qwen3-0.6B --json",
	},
	"diff": {
		"bitmill diff old.gguf new.gguf",
		"bitmill diff Qwen3-0.6B qwen3-Q4_K_M.gguf --json",
	},
	"verify": {
		"bitmill verify model.gguf",
		"bitmill verify Qwen3-0.6B",
	},
	"split": {
		"bitmill split big.gguf part --split-max-size 2G",
		"bitmill split big.gguf part --split-max-tensors 128",
	},
	"merge": {
		"bitmill merge part-00001-of-00003.gguf big.gguf",
		"bitmill merge part-00001-of-00003.gguf big.gguf --quiet",
	},
	"tokenize": {
		`bitmill tokenize Qwen3-0.6B --text "Hello, world"`,
		"bitmill tokenize Qwen3-0.6B --file text.txt --json",
	},
	"generate": {
		`bitmill generate q4.gguf -p "Once upon a time" -n 64`,
		`bitmill generate q4.gguf -p "2+2=" -n 4 --temperature 0`,
	},
	"logits": {
		"bitmill logits q4.gguf --tokens 1,2,3",
		"bitmill logits q4.gguf --tokens 1,2,3 --json",
	},
	"formats": {
		"bitmill formats",
		"bitmill formats --json",
	},
	"completion": {
		"source <(bitmill completion bash)                          in ~/.bashrc",
		"bitmill completion fish > ~/.config/fish/completions/bitmill.fish",
	},
	"man": {
		"bitmill man > bitmill.1",
		"bitmill man | man -l -",
	},
}
