package cli

import (
	"math"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"bitmill/formats/checkpoint/checkpointtest"
)

// unlikePeer tells of which cases llama.cpp cannot run the file, or runs another model than transformers.
var unlikePeer = map[string]string{
	"cohere-norm":         "loads no biases, and norms of queries and keys only from 64 layers on",
	"cohere2-bias":        "loads no biases",
	"deepseek-v2":         "takes the queries' rank for granted unless there are 26, 27 or 48 layers",
	"smollm3-bias":        "loads no biases",
	"qwen2-window":        "its converter drops the window",
	"mistral":             "its converter drops the window",
	"mistral-old":         "its converter drops the window",
	"mixtral-window":      "its converter drops the window",
	"starcoder2":          "its converter drops the window",
	"phi3-long":           "runs Phi-3 without its window",
	"smollm3":             "leaves RoPE out of every fourth layer, whatever config.json says",
	"gemma2-odd":          "scales scores by the width of a head, whatever config.json says",
	"falcon-h1-plain":     "crashes where a convolution has no bias",
	"exaone4":             "knows a window only from 64 layers on",
	"gemma3-deep":         "scales scores by the width of a head, whatever config.json says",
	"qwen3-moe-raw":       "makes the weights of the chosen experts add up to one, whatever config.json says",
	"bitnet":              "loads no output matrix, and takes SiLU for the activation",
	"gpt-neox-sequential": "wants an output matrix beside the embedding",
	"lfm2-bias":           "loads no biases",
	"lfm2-moe-odd":        "wants a bias for each expert, and makes their weights add up to one",
	"llama-yarn":          "does not read YaRN's beta_fast and beta_slow",

	"afmoe":             "scales the embedding, whatever config.json says",
	"afmoe-odd":         "leaves RoPE out of every fourth layer, whatever config.json says",
	"dots1":             "does not run files that do not tell how experts are scored",
	"glm4-moe-lite":     "takes the scores of experts for one softmax unless there are 47 or 48 layers",
	"glm4-moe-lite-mtp": "takes the scores of experts for one softmax unless there are 47 or 48 layers",
	"olmoe":             "wants as many heads of keys as of queries",
	"olmoe-raw":         "does not make the weights of the chosen experts add up to one, whatever config.json says",
	"qwen3-5-moe-odd":   "wants values of a delta net as wide as its keys",
	"qwen3-5-rope":      "wants values of a delta net as wide as its keys",
	"gemma3n":           "takes the sizes of the published models for granted",
	"gemma3n-nosparse":  "takes the sizes of the published models for granted",
	"gemma3n-odd":       "takes the sizes of the published models for granted",
	"gemma3n-streams":   "takes the sizes of the published models for granted",
	"gemma4-keys":       "loads neither biases nor an output matrix",
	"gemma4-moe":        "rounds otherwise: with weights of chance and unscaled scores other experts are chosen",
	"gemma4-moe-input":  "shares keys only where the last layers of their own are one with a window and one without",
	"gemma4-order":      "shares keys only where the last layers of their own are one with a window and one without",
	"mellum":            "rotates layers with a window from the base of the others",
}

// TestArchitecturesConformToLlamaCpp makes files of every case, which llama.cpp must load and run: perplexity within
// 0.5 %, and quantized files the same byte for byte. Without BITMILL_LLAMACPP it does not run; what its converter
// writes and what transformers computes is held in formats/checkpoint and eval/infer.
func TestArchitecturesConformToLlamaCpp(t *testing.T) {
	peer := os.Getenv("BITMILL_LLAMACPP")
	if peer == "" {
		t.Skip("did not run: set BITMILL_LLAMACPP to a built llama.cpp tree to compare with its programs")
	}
	bin := filepath.Join(peer, "build", "bin")
	text := demoText(t, filepath.Join(t.TempDir(), "text.txt"))
	for _, name := range checkpointtest.Names() {
		t.Run(name, func(t *testing.T) {
			dir, folder := t.TempDir(), checkpointtest.Load(t, name).FolderWithTokenizer(t)
			path := func(file string) string { return filepath.Join(dir, file) }
			rename := "general.name=str:case" // a name with phi3 in it makes llama.cpp look for tokens of Phi-3
			mxfp4 := strings.HasSuffix(name, "mxfp4")
			format := "F32"
			if mxfp4 {
				format = "COPY"
			}
			call(t, bitmill(t, "quantize", folder, path("plain.gguf"), "-f", format, "--override-kv", rename))
			call(t, bitmill(t, "quantize", folder, path("in.gguf"), "-f", "COPY", "--no-provenance"))
			for _, format := range []string{"Q4_K_M", "Q2_K"} {
				if mxfp4 || name == "deepseek-v2" { // neither quantizes twice; see unlikePeer
					break
				}
				call(t, bitmill(t, "quantize", folder, path("ours.gguf"), "-f", format, "--no-provenance"))
				call(t, exec.Command(filepath.Join(bin, "llama-quantize"), path("in.gguf"), path("theirs.gguf"), format,
					"2"))
				equalFiles(t, path("ours.gguf"), path("theirs.gguf"))
			}
			var report struct {
				Models []struct {
					PPL float64 `json:"ppl"`
				} `json:"models"`
			}
			callJSON(t, &report, "eval", path("plain.gguf"), "-t", text, "--chunks", strconv.Itoa(conformanceChunks),
				"--json", "--quiet")
			ours := report.Models[0].PPL
			if why, ok := unlikePeer[name]; ok {
				t.Logf("perplexity %.6g; llama.cpp %s", ours, why)
				return
			}
			theirs := peerPerplexity(t, bin, path("plain.gguf"), text)
			if d := ours/theirs - 1; !(math.Abs(d) < 0.005) {
				t.Errorf("perplexity %.6g, llama.cpp's %.6g: %+.2f %%", ours, theirs, 100*d)
			} else {
				t.Logf("perplexity %.6g, llama.cpp's %.6g: %+.3f %%", ours, theirs, 100*d)
			}
		})
	}
}
